"""The AWS objects a lake needs, created from the same lake.yaml as the pipeline reads; policies and patterns as data."""
