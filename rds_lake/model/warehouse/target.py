"""Where a run's statements are sent: a workgroup of Redshift Serverless or a provisioned cluster."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Either `workgroup` or `cluster`. Without `secret` (an ARN in Secrets Manager), temporary credentials are used.

    `role`: the IAM role with which Redshift reads and writes S3 and reads Glue.
    """

    database: str
    role: str
    workgroup: str | None = None
    cluster: str | None = None
    secret: str | None = None
    db_user: str | None = None
