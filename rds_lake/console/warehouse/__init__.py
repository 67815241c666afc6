"""`rds-lake warehouse …`."""
