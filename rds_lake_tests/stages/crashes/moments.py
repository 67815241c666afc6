"""What a run that is killed before its n-th write leaves behind, for every n, from one run of it.

A killed process sends nothing more, and that is all that AWS knows of its death. So the lake at the moment when the n-th write
arrives is the lake after a death before it, and all such moments are seen by one run, which is held at each write while the
lake is kept. `test_moments.py` compares them with what real deaths leave.

What belongs here: keeping the moments of a run and going back to them. What runs is `stages.py`.
"""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from rds_lake.localcloud.athena.executions import ACTIVE
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.dynamodb.job import Export
from rds_lake_tests.stages.morning import Morning
from rds_lake_tests.support.door import Call, open_door
from rds_lake_tests.support.world import World, until

# What an export's description has once it has ended, in neither plane before.
_AT_THE_END = ("TaskEndTime", "EndTime", "ExportManifest", "BilledSizeBytes", "ItemCount")
# For so long an export that was running at the moment runs on after the return to it.
_RUNS_ON_SECONDS = 0.4
_ENDED = ("COMPLETE", "FAILED", "CANCELED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The lake, and AWS's own lists of exports: `tasks` of RDS, `exports` of DynamoDB; `running` of both had not ended.

    Queries and exports that the run had begun go on without it, so the lake is kept once they have ended.
    """

    morning: Morning
    tasks: dict[str, dict[str, Any]]
    exports: dict[str, Export]
    running: frozenset[str]

    @classmethod
    def of(cls, world: World) -> "Moment":
        cloud = world.cloud
        running = frozenset(_running(cloud))
        until(lambda: not list(_running(cloud)) and not _asked(cloud), what="an end of exports and queries")
        return cls(
            morning=Morning.of(world),
            tasks={name: dict(task) for name, task in cloud.exports._tasks.items()},
            exports={arn: _twin(export) for arn, export in cloud.table_exports._state.exports.items()},
            running=running,
        )

    def restore(self, world: World) -> threading.Timer:
        """Everything as it was; what was running then ends a moment later, in the thread that is returned."""
        self.morning.restore(world)
        tasks, exports = world.cloud.exports, world.cloud.table_exports
        with tasks._lock:
            tasks._tasks = {name: dict(task) for name, task in self.tasks.items()}
        with exports._lock:
            exports._state.exports.clear()
            exports._state.exports.update({arn: _twin(export) for arn, export in self.exports.items()})
        for name in self.running & self.tasks.keys():
            tasks._tasks[name] = _unfinished(self.tasks[name], "Status")
        for arn in self.running & self.exports.keys():
            exports._state.exports[arn].shown = _unfinished(self.exports[arn].shown, "ExportStatus")
        end = threading.Timer(_RUNS_ON_SECONDS if self.running else 0, self._end, [world.cloud])
        end.start()
        return end

    def _end(self, cloud: LocalCloud) -> None:
        with cloud.exports._lock:
            for name in self.running & self.tasks.keys():
                cloud.exports._tasks[name] = dict(self.tasks[name])
        with cloud.table_exports._lock:
            for arn in self.running & self.exports.keys():
                cloud.table_exports._state.exports[arn].shown = dict(self.exports[arn].shown)


def moments_of(world: World, run: Callable[[str], None]) -> list[Moment]:
    """The moments right before each write of a run, and the one after its end. `run` gets the URL to run against."""
    moments: list[Moment] = []
    with open_door(world.cloud) as door:

        def keep(call: Call) -> None:
            if call.is_write:
                door.wait_for_writes()
                moments.append(Moment.of(world))

        door.rules.append(keep)
        run(door.url)
    return [*moments, Moment.of(world)]


def _running(cloud: LocalCloud) -> Iterator[str]:
    """The exports that have not ended: identifiers of RDS's, ARNs of DynamoDB's."""
    with cloud.exports._lock:
        yield from [name for name, task in cloud.exports._tasks.items() if task["Status"] not in _ENDED]
    with cloud.table_exports._lock:
        yield from [arn for arn, export in cloud.table_exports._state.exports.items() if export.running]


def _asked(cloud: LocalCloud) -> bool:
    """Whether a query is under way."""
    executions = cloud.athena._executions
    with executions._lock:
        return any(execution.state in ACTIVE for execution in executions._by_id.values())


def _twin(export: Export) -> Export:
    return replace(export, shown=dict(export.shown))


def _unfinished(shown: dict[str, Any], status: str) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name not in _AT_THE_END} | {status: "IN_PROGRESS"}
