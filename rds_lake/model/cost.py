"""What a date costs, estimated from sizes and configured prices.

AWS bills an export by the GB of the snapshot, not by what was exported, and copies by the request. The sizes AWS reports
are rounded, and its prices differ by Region and change: every number here is an estimate.

What belongs here: the arithmetic. The prices are configuration (`prices:` in lake.yaml).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rds_lake.model.manifest import Manifest

_PUTS_PER_DATE = 3  # export record, manifest, pointer
_GETS_PER_FILE = 3  # heads of both copies, and the footer


class Priced(Protocol):
    """`prices:` of lake.yaml, in USD."""

    @property
    def export_per_gb_snapshot(self) -> float: ...
    @property
    def export_per_gb_dynamodb(self) -> float: ...
    @property
    def put_per_1000(self) -> float: ...
    @property
    def get_per_1000(self) -> float: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """S3 requests: PUT, COPY and LIST cost alike, and so do GET and HEAD."""

    puts: int
    gets: int


def export_usd(prices: Priced, *, snapshot_gb: float, kind: str = "rds") -> float:
    """Exporting a snapshot, or tables, of that size once."""
    return snapshot_gb * (prices.export_per_gb_dynamodb if kind == "dynamodb" else prices.export_per_gb_snapshot)


def relocation_requests(manifest: Manifest) -> Requests:
    """The requests that copying and verifying the manifest's files takes, without repetitions."""
    return Requests(puts=manifest.files + _PUTS_PER_DATE, gets=manifest.files * _GETS_PER_FILE)


def requests_usd(prices: Priced, requests: Requests) -> float:
    """What the requests cost."""
    return (prices.put_per_1000 * requests.puts + prices.get_per_1000 * requests.gets) / 1000
