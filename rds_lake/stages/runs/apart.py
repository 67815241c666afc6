"""One bad thing never stops the good ones: work on one message, date or source, kept apart from the others'.

    found = attempt(lambda: examine(source))
    if isinstance(found, Failed):
        report(f"{source}: {found.why}")

What belongs here: that one bulkhead. It is the only place that catches what nobody can name beforehand: an answer of AWS
that no release has seen, or a fault of ours, met while one of many things is looked at. Nothing is hidden by it: whoever
calls says what failed and why, and comes back to it.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import TypeVar

from rds_lake.errors import RdsLakeError, TransientError

Found = TypeVar("Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """What kept the work from its end. `transient`: the same may succeed in a minute, and other work would fail as well."""

    why: str
    transient: bool = False


def attempt(work: Callable[[], Found]) -> Found | Failed:
    """What `work` returns, or why it failed."""
    try:
        return work()
    except RdsLakeError as error:
        return Failed(why=str(error), transient=isinstance(error, TransientError))
    except Exception as error:  # noqa: BLE001 - see above: the others must not wait until this one is understood
        return Failed(why=_unforeseen(error))


def _unforeseen(error: Exception) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{PurePath(last.filename).name}:{last.lineno}"
    return f"{type(error).__name__}: {error} ({where}); rds-lake does not know this: please report it"
