"""A lake: its gateways and its layout, as stages get them.

What belongs here: this one value. No call.
"""

from __future__ import annotations

from dataclasses import dataclass

from rds_lake.aws.athena import AthenaGateway
from rds_lake.aws.glue import GlueGateway
from rds_lake.aws.s3 import S3Gateway
from rds_lake.model.layout import LakeLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class Lake:
    """The gateways and the place that cataloguing and publishing need."""

    s3: S3Gateway
    glue: GlueGateway
    athena: AthenaGateway
    layout: LakeLayout
    kms_key: str
