"""A lake that two actors meet in: the mornings a round begins with, what readers see of it, and what must hold.

| date | rows of orders | state in every morning |
|---|---|---|
| 2026-11-18 | 10 | published, AWS's copy gone |
| 2026-11-19 | 11 | published after it; in `early` and `behind` exported only |
| 2026-11-20 | 12, in its later snapshot 13 | both exported, in `early` the first; `relocated` and `published` say how far that is |

Everything is read behind the turnstile's back, from the cloud's own memory: looking changes no order of calls.

What belongs here: states and invariants. Who meets whom is `pairs.py`.
"""

import base64
import io
import json
import re
import time
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

import pyarrow.parquet as pq
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.glue.models import glue_backends
from moto.s3.models import s3_backends

from rds_lake_tests.stages.morning import Morning
from rds_lake_tests.support.world import World, execute
from rds_lake_tests.turnstile.actors import NOON

Start = Literal[
    "fresh", "early", "behind", "exported", "relocated", "published", "incremental", "holey", "ahead", "unmade"
]
FIRST, SECOND, THIRD = "2026-11-18", "2026-11-19", "2026-11-20"
DETAILS = 20
_FROM = re.compile(r"""FROM "?\w+"?\."?(\w+)"?\s+WHERE "?\w+"? = '([0-9-]+)'""", re.IGNORECASE)


@dataclass(slots=True)
class Lab:
    """One world and its mornings. `tasks` are the exports: of each date, and `later` of the third one's later snapshot."""

    world: World
    tasks: dict[str, str] = field(default_factory=dict)
    arns: list[str] = field(default_factory=list)
    _mornings: dict[Start, Morning] = field(default_factory=dict)
    _rows: dict[str, int] = field(default_factory=dict)
    _exported: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """The source's name, and so its database's."""
        return self.world.config.sources[0].name

    @property
    def days(self) -> tuple[str, str, str]:
        """The dates, oldest first."""
        return FIRST, SECOND, THIRD

    def prepare(self) -> None:
        """Make the dates, once, and keep a morning of every state."""
        world = self.world
        world.with_source(replace=True, check_casts=False)
        execute(world.url, "DROP SCHEMA sales CASCADE")  # two tables are enough to be mixed
        self._export(FIRST, rows=10)
        world.publish(FIRST)
        self._export(SECOND, rows=11)
        self._export(THIRD, rows=12)
        self._keep("early")
        self._export(THIRD, rows=13, hour=9, name="later")
        # Inspecting the later one's export recorded it for the date; a round begins with nothing recorded.
        for key in [key for key in world.keys("lake/_manifests/shop/") if THIRD in key]:
            world.clients.client("s3").delete_object(Bucket="acme-lake", Key=key)
        self._keep("behind")
        world.publish(SECOND)
        self._keep("exported")
        run, day = world.run(), date.fromisoformat(THIRD)
        run.accept(day, export_task=self.tasks[THIRD])
        run.relocate(day)
        self._keep("relocated")
        run.shared.catalogue(day)
        run.shared.publish(day, now=NOON)
        self._keep("published")
        self._mornings["exported"].restore(world)
        for key in world.keys("exports/"):
            world.clients.client("s3").delete_object(Bucket="acme-lake", Key=key)
        self._keep("fresh")
        self._exported = dict(world.cloud.exports._tasks)

    def begin(self, start: Start) -> None:
        """The world as it was in that morning. In a fresh one nobody has exported the third date's snapshots."""
        exports = self.world.cloud.exports
        exports.reset()
        if start != "fresh":
            exports._tasks = dict(self._exported)
        self._mornings[start].restore(self.world)

    def _export(self, day: str, *, rows: int, hour: int = 3, name: str = "") -> None:
        execute(self.world.url, f"DELETE FROM orders; INSERT INTO orders SELECT i, 1 FROM generate_series(1, {rows}) i")
        arn = self.world.snapshot(day, hour=hour)
        self.arns.append(arn)
        run = self.world.run()
        task = run.begin(date.fromisoformat(day))
        assert task is not None
        while run.rds.list_export_tasks(source_arn=arn)[-1].status.running:
            time.sleep(0.02)
        self.tasks[name or day] = task.identifier

    def _keep(self, start: Start) -> None:
        self._mornings[start] = Morning.of(self.world)

    # What readers see

    def views(self) -> dict[str, tuple[str, int | str]]:
        """Every table's view, its date and rows, as a query would answer."""
        tables = self._glue_tables()
        return {
            name: self._seen(body)
            for name, table in list(tables.items())
            if (body := table.as_dict()).get("TableType") == "VIRTUAL_VIEW" and not name.endswith("_diff")
        }

    def _glue_tables(self) -> dict[str, Any]:
        return glue_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].databases[self.source].tables

    def sides(self) -> dict[str, list[tuple[str, str]]]:
        """The raw tables and dates that each view of `diff_views:`, and each of such a name, reads; the earlier date first."""
        return {
            name: [(raw, day) for raw, day in _FROM.findall(_sql(body))]
            for name, table in list(self._glue_tables().items())
            if (body := table.as_dict()).get("TableType") == "VIRTUAL_VIEW" and name.endswith("_diff")
        }

    def _seen(self, body: dict[str, Any]) -> tuple[str, int | str]:
        match = _FROM.search(_sql(body))
        assert match, "the view is not as `sql/views.py` writes it"
        raw, day = match.groups()
        return day, self.rows_at(raw, day)

    def rows_at(self, raw: str, day: str) -> int | str:
        """How many rows a query finds in the raw table's partition of the date."""
        table = self._glue_tables().get(raw)
        partition = table.partitions.get(str([day])) if table else None
        if partition is None:
            return "no partition"
        location = partition.as_dict()["StorageDescriptor"]["Location"].removeprefix("s3://acme-lake/")
        return sum(self._rows_in(key, stored) for key, stored in objects().items() if key.startswith(location))

    def _rows_in(self, key: str, stored: Any) -> int:
        if key.rpartition("/")[2][:1] in "._" or not stored.value:
            return 0
        if stored.etag not in self._rows:
            self._rows[stored.etag] = pq.read_metadata(io.BytesIO(stored.value)).num_rows
        return self._rows[stored.etag]

    # What must hold

    def missing_rows(self) -> list[str]:
        """Views that show a date with other rows than that date has: at any moment."""
        return [
            f"{view} at {day} shows {rows} rows, not {sorted(right)}"
            for view, (day, rows) in self.views().items()
            for right in [self.right_rows(view, day)]
            if rows not in right
        ]

    def right_rows(self, view: str, day: str) -> set[int]:
        """How many rows the view's table has at the date, in any of the date's snapshots."""
        return {FIRST: {10}, SECOND: {11}, THIRD: {12, 13}}[day] if view == "orders" else {DETAILS}

    def mixed(self) -> list[str]:
        """Views at another date than the published one: once everybody is done."""
        shown, pointer = self.views(), published(self.source)
        wrong = {view: day for view, (day, _) in shown.items() if day != pointer}
        return [f"published is {pointer}, and views show {wrong}"] if wrong else []

    def not_whole(self) -> list[str]:
        """What the published date's manifest names and is not there."""
        pointer = published(self.source)
        if pointer is None:
            return []
        manifest = objects().get(f"lake/_manifests/{self.source}/{pointer}.json")
        if manifest is None:
            return [f"published is {pointer}, which has no manifest"]
        files = [one["key"] for table in json.loads(manifest.value)["tables"] for one in table["files"]]
        return [f"{key} of the published date is gone" for key in files if key not in objects()]

    def lost(self) -> list[str]:
        """Dates whose manifest names files that are gone, with nothing left to take them from.

        A date whose removal was killed between its files and its manifest is none of these while the removal's mark is there:
        nothing publishes the date, and the next removal finishes it.
        """
        half_removed = self.being_removed()
        found: list[str] = []
        for day in (FIRST, SECOND, THIRD):
            manifest = objects().get(f"lake/_manifests/shop/{day}.json")
            if manifest is None or day in half_removed:
                continue
            body = json.loads(manifest.value)
            files = [one["key"] for table in body["tables"] for one in table["files"]]
            copy = body["export"]["folder"]
            if any(key not in objects() for key in files) and not any(key.startswith(copy) for key in objects()):
                found.append(f"{day} has a manifest, and neither files nor AWS's copy")
        return found

    def being_removed(self) -> set[str]:
        """The dates that a removal has marked as its own."""
        return self.in_use("removal")

    def in_use(self, what: str) -> set[str]:
        """The dates that are marked for this kind of work, by killed ones too."""
        marks = objects().get(f"lake/_manifests/{self.source}/_in_use.json")
        entries = json.loads(marks.value)["entries"].values() if marks is not None else ()
        return {entry["snapshot_date"] for entry in entries if entry["what"] == what}

    def copies(self) -> dict[str, int]:
        """Objects of AWS's copy of every export."""
        keys = list(objects())
        return {task: sum(key.startswith(f"exports/{task}/") for key in keys) for task in self.tasks.values()}

    def day_of(self, task: str) -> str:
        return next(THIRD if name == "later" else name for name, known in self.tasks.items() if known == task)

    def is_decided(self, day: str) -> bool:
        """Whether AWS's copies of the date may go: it came to publishing, or retention does not keep it."""
        if any(key.startswith(f"lake/_snapshots/{self.source}/{day}-") for key in objects()):
            return True
        return day != max(self.days)  # retention of one date gives the older ones up

    def paid_twice(self) -> list[str]:
        """Snapshots that were exported more than once."""
        tasks = self.world.gateways.rds.list_export_tasks()
        counts = {arn: sum(task.source_arn == arn for task in tasks) for arn in self.arns}
        return [f"{count} exports of {arn} were paid" for arn, count in counts.items() if count > 1]


def _sql(body: dict[str, Any]) -> str:
    encoded = body["ViewOriginalText"].removeprefix("/* Presto View: ").removesuffix(" */")
    return json.loads(base64.b64decode(encoded))["originalSql"]


def objects(bucket: str = "acme-lake") -> dict[str, Any]:
    """The bucket by key; the lake's by default."""
    keys = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[bucket].keys
    # moto keeps a list of versions under each key; its own way to the newest costs as much as what is looked for.
    return {key: versions[-1] for key, versions in list(dict.items(keys))}


def published(source: str) -> str | None:
    """The date that the source's pointer names."""
    found = objects().get(f"lake/_manifests/{source}/_published.json")
    return json.loads(found.value).get("snapshot_date") if found else None
