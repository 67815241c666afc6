"""What a turn of a warehouse's run works with, and how it is distinguished from other runs."""

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

# Source, date, views -> what each view is made of; a view that is not there is left out.
RowsOfLake = Callable[[str, date, Collection[str]], Mapping[str, LakeRows]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """`statements`: how the StatementName of the run's statements begins, with a slash at the end. `staging`: the run's own prefix
    in `bucket`, likewise. `kms_key`: of the lake; `keys`: asked which key it is, where it is an alias. `parallel`: loads, and steps,
    at once. `wait_seconds`: of the turn's one long poll.
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
        """A key below the staging; names of pieces are made one step of it."""
        return self.staging + "/".join(quote(part, safe="-_.=") for part in parts)

    @property
    def key_of_unload(self) -> str | None:
        """The lake's key as UNLOAD takes it: never an alias. (https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html)"""
        if self.kms_key is None or self.keys is None:
            return self.kms_key
        return self.keys.arn(self.kms_key)

    def uri(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"
