"""Events of RDS, AWS Backup and Glue for EventBridge: their texts, and sending them."""
