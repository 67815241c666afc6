"""What RDS, AWS Backup and Glue announce through EventBridge: the events' texts, and sending them."""
