"""Writers of a table with `capture: lambda`, in Python: what their triggers send, and what becomes of it on the way.

Some transactions are rolled back, and their changes are sent all the same. The way loses some changes, repeats some, and delivers
all in any order, spread over the hours. Each change knows whether it was real, and whether the way lost it.
"""

from __future__ import annotations

import gzip
import json
import random
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from rds_lake.stages.lake.lake import Lake

Row = dict[str, str | None]
Rows = dict[str, Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One change as a trigger sends it. `is_real`: its transaction was committed."""

    at: datetime
    key: str
    op: str
    old: Row | None
    new: Row | None
    xid: int | None
    is_real: bool
    id: str

    def line(self, table: str) -> bytes:
        image: dict[str, Any] = {
            "id": self.id,
            "source": "shop",
            "table": table,
            "op": self.op,
            "at": self.at.isoformat(),
        }
        image |= {"xid": self.xid, "key": {"id": self.key}, "old": self.old, "new": self.new, "omitted": []}
        return json.dumps(image).encode() + b"\n"


@dataclass(slots=True)
class Writers:
    """A table `id, a, b` of so many keys, and the writers' clock. With `xids` as PostgreSQL has them.

    `wait_percent` of the changes waited for their row after their statement had begun, whose time MySQL's triggers have.
    """

    seed: int
    keys: int
    start: datetime
    xids: bool = True
    values: int = 1_000_000
    wait_percent: float = 0
    rows: Rows = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    _random: random.Random = field(init=False)
    _now: datetime = field(init=False)
    _xid: int = 700

    def __post_init__(self) -> None:
        self._random, self._now = random.Random(self.seed), self.start

    def write(self, count: int, *, phantom_percent: float = 0, seconds: float = 1) -> None:
        """So many changes of transactions of one to three; of these some percent are rolled back."""
        done = 0
        while done < count:
            self._xid += 1
            is_real = self._random.random() * 100 >= phantom_percent
            before = {key: dict(row) for key, row in self.rows.items()} if not is_real else {}
            for _ in range(self._random.choice((1, 1, 2, 3))):
                self._change(str(self._random.randrange(self.keys)), is_real, seconds)
                done += 1
            if not is_real:
                self.rows = before

    def _change(self, key: str, is_real: bool, seconds: float) -> None:
        self._now += timedelta(seconds=self._random.random() * 2 * seconds, microseconds=1)
        old = self.rows.get(key)
        value = str(self._random.randrange(self.values))
        op = "I" if old is None else self._random.choice("UUUUUD")
        new = None if op == "D" else {"id": key, "a": value, "b": (old or {}).get("b") if op == "U" else None}
        if new is None:
            del self.rows[key]
        else:
            self.rows[key] = new
        name = str(uuid.UUID(int=self._random.getrandbits(128)))
        xid = self._xid if self.xids else None
        waited = timedelta(seconds=self._random.random() * 20 if self._random.random() * 100 < self.wait_percent else 0)
        self.sent.append(
            Sent(at=self._now - waited, key=key, op=op, old=old, new=new, xid=xid, is_real=is_real, id=name)
        )

    @property
    def now(self) -> datetime:
        return self._now

    def pause(self, pause: timedelta) -> None:
        self._now += pause


def lossy(
    sent: Sequence[Sent], seed: int, *, lose_percent: float = 0, repeat_percent: float = 0
) -> tuple[list[tuple[datetime, Sent]], list[Sent]]:
    """What arrives, with the time of its arrival, shuffled; and the real changes that do not."""
    way = random.Random(seed)
    arrived: list[tuple[datetime, Sent]] = []
    lost: list[Sent] = []
    for one in sent:
        if way.random() * 100 < lose_percent:
            if one.is_real:
                lost.append(one)
            continue
        for _ in range(2 if way.random() * 100 < repeat_percent else 1):
            late = timedelta(hours=way.random() * 3) if way.random() < 0.1 else timedelta(seconds=way.random() * 90)
            arrived.append((one.at + late, one))
    way.shuffle(arrived)
    return arrived, lost


def deliver(
    lake: Lake, arrived: Iterable[tuple[datetime, Sent]], *, table: str, per_object: int = 40, name: str = "a"
) -> int:
    """Write objects as Firehose does, filed by the hour in which the oldest of their records arrived; how many."""
    by_hour: dict[str, list[Sent]] = defaultdict(list)
    for at, one in arrived:
        by_hour[lake.layout.arrived_hour_folder("shop", at.astimezone(UTC))].append(one)
    count = 0
    for folder, several in by_hour.items():
        for at in range(0, len(several), per_object):
            count += 1
            body = b"".join(one.line(table) for one in several[at : at + per_object])
            key = f"{folder}changes-1-{name}-{at:06}.gz"
            lake.s3.put_bytes(lake.layout.bucket, key, gzip.compress(body, 1, mtime=0), kms_key=None)
    return count
