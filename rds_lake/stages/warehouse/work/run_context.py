"""The gateways, places and limits with which a turn sends the statements of one run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from urllib.parse import quote

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.warehouse.keys import KeysGateway
from rds_lake.aws.warehouse.redshift_data import RedshiftDataGateway
from rds_lake.model.warehouse.lake_rows import LakeRows

PARALLEL = 4  # loads at once

# Source, date, views -> the rows of each view; missing views are left out.
RowsOfLake = Callable[[str, date, Collection[str]], Mapping[str, LakeRows]]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContext:
    """For one run. `statements`: prefix of its StatementNames; `staging`: prefix in `bucket`; both end with a slash.

    `kms_key`: of the lake; `keys`: resolves it if it is an alias. `parallel`: number of loads, and of steps, at once.
    `wait_seconds`: duration of a turn's only long poll.
    """

    data: RedshiftDataGateway
    s3: S3Gateway
    bucket: str
    staging: str
    statements: str
    rows_of_lake: RowsOfLake
    clock: Callable[[], datetime]
    kms_key: str | None = None
    keys: KeysGateway | None = None
    parallel: int = PARALLEL
    wait_seconds: int = 0

    def key(self, *parts: str) -> str:
        """Returns a key in the staging; each name of a piece becomes one segment of it."""
        return self.staging + "/".join(quote(part, safe="-_.=") for part in parts)

    @property
    def key_of_unload(self) -> str | None:
        """Returns the lake's key for UNLOAD, which accepts no alias. (https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html)"""
        if self.kms_key is None or self.keys is None:
            return self.kms_key
        return self.keys.arn(self.kms_key)

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"
