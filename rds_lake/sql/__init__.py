"""Renders SQL: quoting, types, views. No boto3, no dagster.

What belongs here: rendering. Every identifier and literal goes through `quoting.py`. Running it is `aws/athena.py`.
"""
