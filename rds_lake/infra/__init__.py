"""The AWS objects that a lake needs, from the same lake.yaml that the pipeline reads; policies and patterns as data."""
