"""Failed runs and checks that Dagster knows of, as sentences for `rds-lake status` and the report."""
