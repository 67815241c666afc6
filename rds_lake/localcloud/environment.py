"""The environment variables that point a program at the local cloud. Imports none of the local cloud's packages."""

from __future__ import annotations

from rds_lake.localcloud.http.account import REGION


def environment(endpoint: str) -> dict[str, str]:
    """Returns the variables that make boto3 use the local cloud and prevent calls to a real account."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
