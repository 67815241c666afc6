"""rds-lake: production databases, queryable in Athena every morning, without touching production."""
