"""Statements and their states, safe between threads; a change wakes all threads that wait for the statement."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from rds_lake.localcloud.http.app import ApiError
from rds_lake.localcloud.redshift.engine.monitoring.history import User
from rds_lake.localcloud.redshift.engine.results import Result
from rds_lake.localcloud.redshift.engine.session import Session
from rds_lake.localcloud.redshift.loading.objects import Stores

Json = dict[str, Any]
ACTIVE = ("SUBMITTED", "PICKED", "STARTED")
FINISHED, FAILED, ABORTED = "FINISHED", "FAILED", "ABORTED"
# How long a statement is kept after its end, and a ClientToken, in microseconds: a day, and eight hours.
_KEPT = 24 * 3600 * 1_000_000
_TOKEN = 8 * 3600 * 1_000_000


@dataclass(slots=True, kw_only=True)
class Part:
    """One SQL text: a statement that was given alone, or one of a batch."""

    sql: str
    status: str = "SUBMITTED"
    error: str = ""
    result: Result | None = None
    began: int = 0
    ended: int = 0
    query: int = 0

    @property
    def has_rows(self) -> bool:
        return self.result is not None and self.result.columns is not None


@dataclass(slots=True, kw_only=True)
class Statement:
    """A request of ExecuteStatement or BatchExecuteStatement. `shown`: members that every answer about it repeats."""

    owner: str
    warehouse: str
    shown: Json
    parts: list[Part]
    stores: Stores
    batch: bool
    created: int
    userid: str = ""
    user: User = field(default_factory=User)
    capacity: int = 0
    mode: str = "TRANSACTION"
    name: str = ""
    session_id: str = ""
    format: str = "JSON"
    parameters: list[Json] = field(default_factory=list)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "SUBMITTED"
    error: str = ""
    updated: int = 0
    cancelled: bool = False
    running: Session | None = None

    @property
    def has_rows(self) -> bool:
        return any(part.has_rows for part in self.parts)


class Statements:
    """All statements by id. `now`: microseconds."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._by_id: dict[str, Statement] = {}
        self._tokens: dict[tuple[str, str], tuple[int, str, Json]] = {}
        self.changed = threading.Condition()
        self._queries = 0

    def clear(self) -> list[Statement]:
        """Forget all statements; returns them."""
        with self.changed:
            known, self._by_id, self._tokens = list(self._by_id.values()), {}, {}
            self.changed.notify_all()
        return known

    def admit(self, new: Statement, token: str | None, request: Json, limit: int) -> tuple[Statement, bool]:
        """Returns a new statement, or the one of the same token within eight hours (then False)."""
        key = (new.owner, token or "")
        with self.changed:
            known = self._tokens.get(key) if token else None
            if known is not None and known[0] + _TOKEN > new.created and known[1] in self._by_id:
                if known[2] != request:
                    raise ApiError("ValidationException", "The client token was used with other parameters.")
                return self._by_id[known[1]], False
            active = [s for s in self._by_id.values() if s.warehouse == new.warehouse and s.status in ACTIVE]
            if len(active) >= limit:
                raise ApiError(
                    "ActiveStatementsExceededException", "The number of active statements exceeds the limit."
                )
            self._by_id[new.id] = new
            if token:
                self._tokens[key] = (new.created, new.id, request)
        return new, True

    def find(self, given: str, owner: str) -> tuple[Statement, Part | None]:
        """Returns a statement by `<uuid>`, or one of a batch by `<uuid>:<n>`. ResourceNotFoundException if it is not the caller's."""
        identity, _, number = given.partition(":")
        statement = self._by_id.get(identity)
        if statement is not None and statement.status not in ACTIVE and statement.updated + _KEPT <= self._now():
            del self._by_id[identity]
            statement = None
        if statement is None or (owner and statement.owner != owner):
            raise not_found(given)
        if not number:
            return statement, None
        if not statement.batch or not 1 <= int(number) <= len(statement.parts):
            raise not_found(given)
        return statement, statement.parts[int(number) - 1]

    def owner_of(self, identity: str) -> str | None:
        """Returns the `aws:userid` of the statement's caller."""
        statement = self._by_id.get(identity)
        return statement.userid if statement is not None else None

    def listed(self, owner: str) -> Iterator[Statement]:
        """Returns a caller's statements, newest first; an empty owner sees all."""
        since = self._now() - _KEPT
        known = reversed(list(self._by_id.values()))
        return (s for s in known if (not owner or s.owner == owner) and (s.status in ACTIVE or s.updated > since))

    def move(self, statement: Statement, status: str, error: str = "") -> bool:
        """Change the state of an active statement; returns False if it has already ended."""
        with self.changed:
            if statement.status not in ACTIVE:
                return False
            statement.status, statement.error, statement.updated = status, error, self._now()
            self.changed.notify_all()
            return True

    def begin(self, part: Part) -> None:
        """Record that a part begins to run, with the next query id."""
        with self.changed:
            self._queries += 1
            part.status, part.began, part.query = "STARTED", self._now(), self._queries

    def end(self, part: Part, status: str, result: Result | None = None, error: str = "") -> None:
        """Record that a part has ended, or that it will not run."""
        with self.changed:
            part.status, part.result, part.error, part.ended = status, result, error, self._now()

    def wait(self, statement: Statement, seconds: float) -> None:
        """Wait until the statement has ended, at most this long."""
        with self.changed:
            self.changed.wait_for(lambda: statement.status not in ACTIVE or statement.id not in self._by_id, seconds)


def not_found(given: str) -> ApiError:
    """Returns the error of a missing statement."""
    return ApiError("ResourceNotFoundException", f"Query {given} does not exist.")
