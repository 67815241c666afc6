"""Sessions that outlive their statement: temporary tables and settings are kept until the session has been idle for a while."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from rds_lake.localcloud.http.app import ApiError
from rds_lake.localcloud.redshift.engine.monitoring.history import User
from rds_lake.localcloud.redshift.engine.session import Session
from rds_lake.localcloud.redshift.loading.objects import Stores

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where statements run, and as which user. `shown`: the members that every answer about them repeats."""

    warehouse: str
    shown: dict[str, str]
    stores: Stores
    user: User
    capacity: int = 0


@dataclass(slots=True, kw_only=True)
class KeptSession:
    """A session that is kept. `idle_until`: when it is closed, in microseconds; `busy`: the id of its running statement, or empty."""

    session: Session
    owner: str
    place: Place
    seconds: int
    created: int
    idle_until: int = 0
    busy: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


class Sessions:
    """By id. `now`: microseconds of the local cloud's clock."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._by_id: dict[str, KeptSession] = {}
        self._lock = threading.Lock()

    def keep(self, kept: KeptSession, limit: int) -> None:
        """Add a session. ActiveSessionsExceededException at the limit."""
        self.close_idle()
        with self._lock:
            if sum(each.place.warehouse == kept.place.warehouse for each in self._by_id.values()) >= limit:
                raise ApiError("ActiveSessionsExceededException", "The number of active sessions exceeds the limit.")
            kept.idle_until = self._now() + kept.seconds * _SECOND
            self._by_id[kept.id] = kept

    def get(self, given: str, owner: str) -> KeptSession:
        """Returns an open session of the caller. ResourceNotFoundException if there is none."""
        self.close_idle()
        kept = self._by_id.get(given)
        if kept is None or (owner and kept.owner != owner):
            raise ApiError("ResourceNotFoundException", f"Session {given} does not exist.")
        return kept

    def place_of(self, given: str) -> Mapping[str, str]:
        """Returns the cluster or workgroup of any caller's session; empty if it does not exist."""
        kept = self._by_id.get(given)
        return kept.place.shown if kept is not None else {}

    def take(self, kept: KeptSession, statement: str) -> None:
        """Run a statement in the session. ValidationException while it runs another one."""
        with self._lock:
            if kept.busy:
                raise ApiError("ValidationException", f"Session {kept.id} runs the statement {kept.busy}.")
            kept.busy = statement

    def give_back(self, kept: KeptSession) -> None:
        """Mark the session as idle, after its statement has ended."""
        with self._lock:
            kept.busy, kept.idle_until = "", self._now() + kept.seconds * _SECOND

    def all(self) -> list[KeptSession]:
        """Returns the open sessions."""
        self.close_idle()
        return list(self._by_id.values())

    def close_idle(self, *, all_of: Callable[[KeptSession], bool] = lambda kept: False) -> None:
        """Close the sessions that were idle for too long, and the chosen ones."""
        with self._lock:
            now = self._now()
            gone = [k for k in self._by_id.values() if (not k.busy and k.idle_until <= now) or all_of(k)]
            for kept in gone:
                del self._by_id[kept.id]
        for kept in gone:
            if not kept.busy:
                kept.session.close()
