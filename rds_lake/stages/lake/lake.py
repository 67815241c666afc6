"""A lake as the input of stages: its gateways and its layout.

What belongs here: this one value and how it is built. No call to AWS.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rds_lake.aws.athena import AthenaGateway
from rds_lake.aws.clients import AwsClients
from rds_lake.aws.glue import GlueGateway
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.wire import open_wire
from rds_lake.config.lake_yaml import LakeSettings
from rds_lake.model.lake.deletable import deletable_of_lake
from rds_lake.model.lake.layout import LakeLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class Lake:
    """The gateways and the place that cataloguing and publishing need."""

    s3: S3Gateway
    glue: GlueGateway
    athena: AthenaGateway
    layout: LakeLayout
    kms_key: str | None


def open_lake(
    clients: AwsClients,
    settings: LakeSettings,
    *,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Lake:
    """Returns the lake of these settings. `sleep` and `clock` (monotonic seconds): for polling Athena.

    It deletes nothing outside the lake's prefixes; a source's work is limited further (`upkeep/own_exports.py`).
    """
    layout = LakeLayout(bucket=settings.bucket, prefix=settings.prefix)
    athena = AthenaGateway(
        clients.athena,
        workgroup=settings.workgroup,
        output_location=layout.athena_results(),
        sleep=sleep,
        clock=clock,
    )
    exports = (settings.exports_bucket, settings.export_prefix)
    s3 = S3Gateway(clients.s3, open_wire(clients, settings.copy_threads), deletable_of_lake(layout, exports))
    glue = GlueGateway(clients.glue, starting=clients.client("glue", once=True))
    return Lake(s3=s3, glue=glue, athena=athena, layout=layout, kms_key=settings.kms_key)
