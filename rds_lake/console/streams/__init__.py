"""One file per command of `rds-lake streams`."""
