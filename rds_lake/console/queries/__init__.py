"""`rds-lake query`: running a query, and printing its result."""
