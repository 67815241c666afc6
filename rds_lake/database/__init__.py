"""The source database itself, read-only: how many rows its tables have now.

Only `verify:` of lake.yaml comes here. The drivers are optional (`pip install 'rds-lake[verify]'`).
"""
