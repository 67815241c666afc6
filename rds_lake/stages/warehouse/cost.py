"""The estimated cost of a warehouse's run, from its record and the prices of lake.yaml.

    serverless   base_capacity x seconds in which statements could run, at least 60 s; what it grows to beyond that is not known
    cluster      nodes x minutes from the run's beginning to its end, and the minutes that it is kept after it

AWS bills Redshift Serverless by the second with a minimum of 60 seconds, and clusters by the second
(https://aws.amazon.com/redshift/pricing/). Spectrum's price per byte scanned, storage and S3 are not included.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rds_lake.config.warehouse import Cluster, Serverless, WarehouseSettings
from rds_lake.model.warehouse.record import RunRecord

_LEAST_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """The usage of a run. `usd` is None if the price, or the size of the warehouse, is unknown."""

    rpu_seconds: float | None = None
    node_minutes: float | None = None
    usd: float | None = None

    def __str__(self) -> str:
        used = [
            f"{self.rpu_seconds:,.0f} RPU seconds" if self.rpu_seconds is not None else "",
            f"{self.node_minutes:,.1f} node minutes" if self.node_minutes is not None else "",
            f"about ${self.usd:,.4f}" if self.usd is not None else "",
        ]
        return ", ".join(part for part in used if part) or "not known"


def bill_of(record: RunRecord, settings: WarehouseSettings, now: datetime) -> Bill:
    """Returns the usage of the run until now, or in total if it has ended."""
    match settings.mode:
        case "serverless":
            return _serverless(record, settings.serverless or Serverless(), now)
        case "cluster":
            return _cluster(record, settings.cluster or Cluster(), now)
        case _:
            return Bill()


def over_budget(record: RunRecord, settings: WarehouseSettings, now: datetime) -> str | None:
    """Returns why the budget ends the run or prevents it; None if the run is within the budget."""
    budget, bill = record.plan.budget_usd, bill_of(record, settings, now)
    if budget is None or bill.usd is None or bill.usd <= budget:
        return None
    return (
        f"warehouse {record.plan.warehouse}: {bill} is over `budget_usd: {budget:g}` of lake.yaml, so the run was ended and "
        "everything is removed; raise the budget, load less, or choose a smaller warehouse"
    )


def _serverless(record: RunRecord, settings: Serverless, now: datetime) -> Bill:
    seconds = _LEAST_SECONDS
    if record.worked_from is not None:
        seconds = max(seconds, ((record.worked_until or now) - record.worked_from).total_seconds())
    rpu_seconds = settings.base_capacity * seconds
    return Bill(rpu_seconds=rpu_seconds, usd=rpu_seconds / 3600 * settings.usd_per_rpu_hour)


def _cluster(record: RunRecord, settings: Cluster, now: datetime) -> Bill:
    seconds = max(_LEAST_SECONDS, ((record.ended_at or now) - record.began_at).total_seconds())
    minutes = settings.nodes * (seconds / 60 + (record.plan.keep_minutes or 0))
    price = settings.usd_per_node_hour
    return Bill(node_minutes=minutes, usd=None if price is None else minutes / 60 * price)
