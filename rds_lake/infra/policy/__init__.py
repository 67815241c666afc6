"""What each role may do, computed from lake.yaml: the pipeline, readers, the export service, Glue's job, the deployer."""
