"""Failed runs and checks in Dagster, as sentences for `rds-lake status` and the report."""
