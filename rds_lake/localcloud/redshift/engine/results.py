"""What a statement answers, and what the sessions of one database share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rds_lake.localcloud.redshift.engine.locking.transactions import Transactions
from rds_lake.localcloud.redshift.engine.monitoring.history import History
from rds_lake.localcloud.redshift.engine.tables import Column
from rds_lake.localcloud.redshift.errors import not_here


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a statement answers. `columns` None: it has no result set. `rows`: returned or changed."""

    columns: tuple[Column, ...] | None = None
    values: Sequence[tuple[Any, ...]] = ()
    rows: int = field(default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the sessions of one database share. `folder`: where copies of files lie; `now`: microseconds."""

    now: Callable[[], int]
    transactions: Transactions
    history: History
    folder: Path | None = None


def no_stores(role: str, service: str = "s3", region: str = "", *, unlimited: bool = False) -> Any:
    """For sessions that are given no clients."""
    raise not_here("S3 is not reached from here")
