"""The environment variables that point a program at the local cloud. Imports none of the local cloud's packages."""

from __future__ import annotations

from rds_lake.localcloud.http.account import REGION


def environment(endpoint: str) -> dict[str, str]:
    """The variables that point boto3 at the local cloud and keep it from any real account."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
