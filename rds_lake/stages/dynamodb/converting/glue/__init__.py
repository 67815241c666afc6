"""Conversions that AWS Glue makes: a Spark job per table, for tables that outgrow one machine.

No run of rds-lake waits for Glue. A run starts the jobs and ends; EventBridge or reconciliation reports their end and asks
for the next run.
"""
