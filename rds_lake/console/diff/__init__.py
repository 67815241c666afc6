"""`rds-lake diff`: comparing two dates, and printing the result."""
