"""`rds-lake ddl`: DDL by which other engines read the lake's files."""
