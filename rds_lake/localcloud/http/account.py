"""The account and Region of the local cloud. Kept light: `rds-lake local env` imports only this module."""

from __future__ import annotations

ACCOUNT = "123456789012"
REGION = "us-east-1"
