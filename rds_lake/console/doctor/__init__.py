"""`rds-lake doctor`: shows the doctor's findings, fixes what is safe, and adds rows that are not about AWS."""
