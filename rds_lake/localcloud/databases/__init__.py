"""The real databases behind the local RDS: starting PostgreSQL and MariaDB, copying and reading their content."""
