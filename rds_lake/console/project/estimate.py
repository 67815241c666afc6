"""Estimates the cost of a month for the chosen sources: exports, kept files, and the checks' scans.

What belongs here: the calculation and its prices. These are the prices of us-east-1 in 2025, not compared with a bill; AWS's
pages have the current ones:

| price | page |
|---|---|
| exports of snapshots | https://aws.amazon.com/rds/pricing/ |
| exports of DynamoDB | https://aws.amazon.com/dynamodb/pricing/ |
| storage | https://aws.amazon.com/s3/pricing/ |
| scanned bytes | https://aws.amazon.com/athena/pricing/ |
| a key | https://aws.amazon.com/kms/pricing/ |
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, timedelta

from rds_lake.config.lake import Prices
from rds_lake.config.shared import Retention
from rds_lake.console.project.discover import Found
from rds_lake.errors import ConfigError
from rds_lake.model.athena_price import USD_PER_TB
from rds_lake.model.lake.retention import keep

_DAYS = 30.4
_GB_PER_TB = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthPrices:
    """Prices in USD. `parquet_part`: the size of Parquet as a part of the database's size: an assumption, since data differ."""

    export_per_gb_snapshot: float = Prices().export_per_gb_snapshot
    export_per_gb_dynamodb: float = Prices().export_per_gb_dynamodb
    storage_per_gb_month: float = 0.023
    athena_per_tb: float = USD_PER_TB
    kms_key_month: float = 1.0
    parquet_part: float = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """The parts of the sum, in USD. `unknown`: the names of sources without a known size, which are not in the sum."""

    exports: float
    storage: float
    checks: float
    key: float
    dates: int
    unknown: tuple[str, ...]

    @property
    def total(self) -> float:
        return self.exports + self.storage + self.checks + self.key


def read_prices(texts: Sequence[str]) -> MonthPrices:
    """Returns the prices, with those of `--price KEY=USD` replaced. ConfigError lists values that are not valid."""
    known = {field.name for field in fields(MonthPrices)}
    given: dict[str, float] = {}
    problems: list[str] = []
    for text in texts:
        key, _, value = text.partition("=")
        try:
            given[key] = float(value)
        except ValueError:
            problems.append(f"{text!r}: write KEY=USD, for example storage_per_gb_month=0.025")
            continue
        if key not in known or not 0 <= given[key] < float("inf"):
            problems.append(f"{text!r}: the prices are {', '.join(sorted(known))}, each 0 or more")
    if problems:
        raise ConfigError("--price cannot be read:", problems)
    return replace(MonthPrices(), **given)


def month_of(chosen: Sequence[Found], prices: MonthPrices, retention: Retention, sizes: Mapping[str, float]) -> Month:
    """Returns the cost of a month in which each source is exported daily, with as many dates as retention keeps in the long run.

    `sizes`: GB by identifier, which replace AWS's values: AWS reports the allocated storage, an upper limit.
    """
    gb = {item: sizes.get(item.identifier, item.gb) for item in chosen}
    known = {item: size for item, size in gb.items() if size is not None}
    exports = {"dynamodb": prices.export_per_gb_dynamodb}
    a_day = sum(size * exports.get(item.kind, prices.export_per_gb_snapshot) for item, size in known.items())
    parquet = sum(known.values()) * prices.parquet_part
    dates = dates_kept(retention)
    return Month(
        exports=a_day * _DAYS,
        storage=parquet * dates * prices.storage_per_gb_month,
        checks=parquet * _DAYS / _GB_PER_TB * prices.athena_per_tb,
        key=prices.kms_key_month,
        dates=dates,
        unknown=tuple(item.identifier for item, size in gb.items() if size is None),
    )


def dates_kept(retention: Retention) -> int:
    """Returns how many dates a lake has after years with one date a day."""
    today = date(2026, 12, 31)
    years = [today - timedelta(days=number) for number in range(31 * max(retention.monthly, retention.daily, 14))]
    return len(keep(years, retention, today))
