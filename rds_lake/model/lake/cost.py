"""Estimates the cost of a date from sizes and configured prices.

AWS bills an export by the GB of the snapshot, not by what was exported, and copies by the request. The sizes AWS reports
are rounded, and its prices differ by Region and change: every number here is an estimate.

What belongs here: the arithmetic. The prices are configuration (`prices:` in lake.yaml).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rds_lake.model.lake.manifest import Manifest

_PUTS_PER_DATE = 3  # export record, manifest, pointer
_LISTED = 1000  # keys per page of a listing


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
    """S3 requests by price: PUT, COPY and LIST cost the same; GET and HEAD cost the same."""

    puts: int
    gets: int


def export_usd(prices: Priced, *, snapshot_gb: float, of_tables: bool = False) -> float:
    """Returns the price, in USD, of one export of a snapshot of that size. `of_tables`: it is of DynamoDB tables."""
    return snapshot_gb * (prices.export_per_gb_dynamodb if of_tables else prices.export_per_gb_snapshot)


def relocation_requests(manifest: Manifest) -> Requests:
    """Returns the S3 requests for the manifest's date without retries: listing, copying and reading every footer.

    With `parquet: in_place` nothing is copied.
    """
    pages = -(-manifest.files // _LISTED) + 1
    copying = 0 if manifest.in_place else manifest.files + pages + len(manifest.tables)
    # A listing of more than a page is continued table by table, after one for the tables' folders.
    by_table = len(manifest.tables) + 2 if manifest.files > _LISTED else 0
    return Requests(puts=pages + by_table + copying + _PUTS_PER_DATE, gets=manifest.files)


def requests_usd(prices: Priced, requests: Requests) -> float:
    """Returns the price of the requests, in USD."""
    return (prices.put_per_1000 * requests.puts + prices.get_per_1000 * requests.gets) / 1000
