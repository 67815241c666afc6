"""`rds-lake diff`: what is compared, and how the answer is printed."""
