"""A lake of DynamoDB tables that two actors meet in: `lab.py` with exports by table, conversions, scans and changes.

| date | reviews | state in every morning |
|---|---|---|
| three days ago | 10 | published, DynamoDB's copy kept; in `holey` the users' files are gone |
| two days ago | 11 | published; `relocated`: nothing; `early`: exported; `incremental`, `holey`: its changes exported |
| yesterday | 12 | `relocated`, `fresh`: nothing; `early`, `exported`: exported; `incremental`, `holey`: published |

What belongs here: DynamoDB's states, and what must hold of its dates besides.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from rds_lake.stages.dynamodb.run import DynamoRun
from rds_lake_tests.stages.morning import Morning
from rds_lake_tests.support.world import DynamoWorld, World
from rds_lake_tests.turnstile.lab import Lab, Start, objects

_TODAY = datetime.now(UTC).date()  # what is exported is at most 35 days old
OLDEST, MIDDLE, NEWEST = ((_TODAY - timedelta(days=number)).isoformat() for number in (3, 2, 1))
_ROWS = {OLDEST: 10, MIDDLE: 11, NEWEST: 12}
_USERS = 5


@dataclass(slots=True)
class DynamoLab(Lab):
    """One world and its mornings. `tasks` are the exports of each date that a morning has."""

    _exports: dict[Start, dict[str, Any]] = field(default_factory=dict)
    _tasks: dict[Start, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, world: World) -> "DynamoLab":
        """A lab whose one source is two tables."""
        world.of_dynamodb("Reviews", "Users")
        return cls(world)

    @property
    def days(self) -> tuple[str, str, str]:
        return OLDEST, MIDDLE, NEWEST

    def prepare(self) -> None:
        """Make the dates, once, and keep a morning of every state."""
        world = self.world
        self._make_tables()
        world.with_source(keep_export=True)
        world.publish(OLDEST)
        world.with_source(keep_export=False)
        self._keep("relocated")  # the mornings below begin here
        for day in (MIDDLE, NEWEST):
            self._export_day(day)
        self._keep("early")
        world.publish(MIDDLE)
        self._keep("exported")
        self.begin("relocated")
        world.publish(MIDDLE)
        self._keep("fresh")
        self.begin("relocated")
        self._export_day(NEWEST)
        world.publish(NEWEST)
        world.with_source(incremental=True)
        self._export_day(MIDDLE)
        self._keep("incremental")
        world.with_source(incremental=False)
        for key in world.keys("lake/reviews/Users/"):
            if OLDEST in key:
                world.clients.client("s3").delete_object(Bucket="acme-lake", Key=key)
        self._keep("holey")

    def begin(self, start: Start) -> None:
        """The world as it was in that morning, and DynamoDB's own list of exports."""
        exports = self.world.cloud.table_exports._state.exports
        self._mornings[start].restore(self.world)
        exports.clear()
        exports.update(self._exports[start])
        self.tasks = self._tasks[start]

    def _make_tables(self) -> None:
        dynamo = DynamoWorld(self.world)
        for number, day in enumerate(self.days):
            dynamo.clock(_at(day) - timedelta(hours=5))
            if number == 0:
                dynamo.create("Users", *({"id": {"S": f"u{one}"}} for one in range(_USERS)))
                dynamo.create("Reviews")
            dynamo.put("Reviews", *({"id": {"S": str(one)}, "day": {"S": day}} for one in range(_ROWS[day])))
        dynamo.clock(None)

    def _export_day(self, day: str) -> None:
        """The date's exports, ended; nothing recorded of them but that they were begun."""
        run, when = self.world.run(), date.fromisoformat(day)
        assert isinstance(run, DynamoRun)
        run.accept(when, poll_seconds=0.05)
        key = self.world.gateways.layout.export_record_key(self.source, when)
        self.world.clients.client("s3").delete_object(Bucket="acme-lake", Key=key)

    def _keep(self, start: Start) -> None:
        self._mornings[start] = Morning.of(self.world)
        self._exports[start] = dict(self.world.cloud.table_exports._state.exports)
        run = self.world.run()
        assert isinstance(run, DynamoRun)
        found = {day: run.exports.look(date.fromisoformat(day)) for day in self.days}
        self._tasks[start] = {day: exports.identifier for day, exports in found.items() if exports is not None}

    # What must hold

    def right_rows(self, view: str, day: str) -> set[int]:
        return {_ROWS[day] if view == "reviews" else _USERS}

    def lost(self) -> list[str]:
        """Dates that are not being removed whose manifest names other rows than theirs, or files that cannot be made again."""
        found: list[str] = []
        for day in self.days:
            text = objects().get(f"lake/_manifests/{self.source}/{day}.json")
            if text is None or day in self.being_removed():
                continue
            for table in json.loads(text.value)["tables"]:
                name, files = table["table"], table["files"]
                rows = sum(file["rows"] for file in files)
                if rows not in self.right_rows(name.lower(), day):
                    found.append(f"the manifest of {day} has {rows} rows of {name}")
                gone = [file["key"] for file in files if file["key"] not in objects()]
                if gone and not self.copies()[day]:
                    found.append(f"{gone} of {day} are gone, and so is DynamoDB's copy")
        return found

    def copies(self) -> dict[str, int]:
        """Objects of DynamoDB's copies by date."""
        keys = list(objects())
        return {day: sum(key.startswith(f"exports/{self.source}-{day}/") for key in keys) for day in self.days}

    def day_of(self, task: str) -> str:
        return task

    def paid_twice(self) -> list[str]:
        """Tables that were exported more than once as of an instant, or their changes of a window."""
        exports = self.world.cloud.table_exports._state.exports.values()
        counts = Counter((one.table.arn, one.window.start, one.window.end) for one in exports)
        return [f"{count} exports of {arn} were paid" for (arn, *_), count in counts.items() if count > 1]


def _at(day: str) -> datetime:
    return datetime.combine(date.fromisoformat(day), time(), UTC)
