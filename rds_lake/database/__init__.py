"""The source database itself: row counts for `verify:`, and captured changes. The drivers are optional
(`pip install 'rds-lake[verify]'`).
"""
