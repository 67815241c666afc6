"""Keeps work on one message, date or source apart, so that its failure does not stop the others.

    examined = attempt(lambda: examine(source))
    if isinstance(examined, Failed):
        report(f"{source}: {examined.why}")

This is the only place that catches errors of every class, such as an unknown answer of AWS or a bug in rds-lake, while one of
many items is examined. No error is hidden: the caller reports it and tries again.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeVar

from rds_lake.errors import RdsLakeError, TransientError

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Why work failed. `transient`: it may succeed in a minute, and other work would fail now as well."""

    why: str
    transient: bool = False


def attempt(work: Callable[[], Result]) -> Result | Failed:
    """Calls `work`. Returns its result, or the reason why it failed."""
    try:
        return work()
    except RdsLakeError as error:
        return Failed(why=str(error), transient=isinstance(error, TransientError))
    except Exception as error:  # noqa: BLE001 - see above: other work must not wait until this failure is understood
        return Failed(why=_unforeseen(error))


def _unforeseen(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{PurePath(last.filename).name}:{last.lineno}"
    return f"{type(error).__name__}: {error} ({where}); this is an error in rds-lake: please report it"
