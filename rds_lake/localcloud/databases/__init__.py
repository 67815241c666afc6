"""The real databases behind the local RDS: starts PostgreSQL and MariaDB, copies and reads their content."""
