"""`rds-lake ddl`: DDL with which other engines read the lake's files."""
