"""The result of a statement, and the state that the sessions of one database share."""

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
    """The result of a statement. `columns` None: no result set. `rows`: returned or changed."""

    columns: tuple[Column, ...] | None = None
    values: Sequence[tuple[Any, ...]] = ()
    rows: int = field(default=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """The state that the sessions of one database share. `folder`: for copies of files; `now`: microseconds."""

    now: Callable[[], int]
    transactions: Transactions
    history: History
    folder: Path | None = None


def no_stores(role: str, service: str = "s3", region: str = "", *, unlimited: bool = False) -> Any:
    """Refuses access to S3: for sessions without clients."""
    raise not_here("this session has no access to S3")
