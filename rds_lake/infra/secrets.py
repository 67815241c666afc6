"""What `verify:` needs in IAM: reading exactly the secrets that lake.yaml names.

What belongs here: the statement as data.
"""

from __future__ import annotations

from typing import Any

from rds_lake.config.lake_yaml import LakeConfig


def verify_statement(config: LakeConfig) -> dict[str, Any] | None:
    """The statement for whoever runs Dagster; None where no source has `verify:`.

    A secret encrypted with a key of its own needs kms:Decrypt on that key as well, which lake.yaml does not know.
    """
    secrets = sorted({source.verify.secret for source in config.databases if source.verify})
    if not secrets:
        return None
    return {
        "Sid": "RdsLakeVerify",
        "Effect": "Allow",
        "Action": ["secretsmanager:GetSecretValue"],
        "Resource": secrets,
    }
