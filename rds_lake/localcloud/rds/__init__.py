"""RDS's snapshots and exports to S3: frozen copies of real databases, written as Parquet the way AWS writes it."""
