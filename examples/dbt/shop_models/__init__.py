"""Models of dbt behind the lake's views."""
