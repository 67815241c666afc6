"""TPC-H on the local Redshift, against PostgreSQL on the same files."""
