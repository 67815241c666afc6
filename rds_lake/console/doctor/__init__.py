"""`rds-lake doctor`: shows what the doctor finds, mends what is safe, and adds rows that are not about AWS."""
