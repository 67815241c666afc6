"""The account and Region the local cloud plays. Light: `rds-lake local env` needs nothing else of the local cloud."""

from __future__ import annotations

ACCOUNT = "123456789012"
REGION = "us-east-1"
