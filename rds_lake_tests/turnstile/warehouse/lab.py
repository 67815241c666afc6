"""A warehouse that several processes meet in: the mornings a round begins with, and what must hold.

| morning | mode | state |
|---|---|---|
| `standing` | existing | a cluster that somebody else made |
| `one`, `many` | existing | as `standing`, and this result of the first run is in its staging, to be published now |
| `fresh` | cluster | nothing is there |
| `kept` | cluster | an earlier run left its cluster, for ever, and lake.yaml has other nodes by now |
| `limited` | serverless | nothing is there; the workgroup has a limit of usage |

A run inserts a row into a table, and unloads to one file and to files that a manifest names. Beside them are objects of others.

What belongs here: states and what must hold. Who meets whom is `pairs.py`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from rds_lake.aws.warehouse.redshift_data import RedshiftDataGateway
from rds_lake.defs.warehouse.opened import open_works
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.model.warehouse.names import statements_of
from rds_lake.model.warehouse.plan import FileFormat, Mode, Plan, Step, Unload
from rds_lake.model.warehouse.record import Phase, PieceState, RunRecord
from rds_lake.stages.warehouse.lease import read_lease
from rds_lake.stages.warehouse.reap import reap
from rds_lake.stages.warehouse.records import begin_run, find_run
from rds_lake.stages.warehouse.turn import Works, take_turn
from rds_lake_tests.localcloud.permissions.calling import document, trust
from rds_lake_tests.stages.warehouse.standing.yard import Yard
from rds_lake_tests.support.in_process import in_process
from rds_lake_tests.turnstile.engine import Turnstile
from rds_lake_tests.turnstile.lab import objects

Start = Literal["standing", "one", "many", "fresh", "kept", "limited"]
REPORTS = "acme-reports"
FIRST, SECOND = "run-1", "run-2"
_FOREIGN = {
    (REPORTS, "one.csv.bak"): b"a person's",
    (REPORTS, "many/run=of-somebody/part-000"): b"an earlier run's",
    ("acme-lake", "lake/reviews/x"): b"the lake's",
    ("acme-lake", "lake/_warehouses/weekly/staging/run-1/x"): b"another warehouse's",
}
_TURNS = 80
_CLUSTER = "standing"


@dataclass(slots=True)
class WarehouseLab:
    """One local cloud. `workers` are behind the turnstile; `yard` is not.

    `patience`: how many calls pass before a person cancels.
    """

    yard: Yard
    turnstile: Turnstile
    workers: tuple[Yard, Yard]
    patience: int = 0
    _left: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, cloud: LocalCloud) -> WarehouseLab:
        inspector, turnstile = InProcessClients(cloud.app), Turnstile(cloud)

        def worker(number: int) -> Yard:
            app: Any = turnstile.seat(number)
            return Yard(cloud=cloud, inspector=inspector, workers=InProcessClients(app))

        yard = Yard(cloud=cloud, inspector=inspector, workers=inspector)
        return cls(yard=yard, turnstile=turnstile, workers=(worker(0), worker(1)))

    def begin(self, start: Start) -> None:
        """The account in that morning."""
        self.turnstile.begin([])
        settings: dict[str, Any] = {"mode": "cluster", "keep": False}
        match start:
            case "standing" | "one" | "many":
                settings = {
                    "mode": "existing",
                    "existing": {"cluster": _CLUSTER},
                    "role": "arn:aws:iam::123456789012:role/w",
                }
            case "kept":
                settings["keep"] = True
            case "limited":
                settings = {
                    "mode": "serverless",
                    "keep": False,
                    "serverless": {"usage_limit": {"rpu_hours": 8, "per": "daily"}},
                }
            case _:
                pass
        self._set(settings)
        self.yard.prepare(**settings)
        self.yard.inspector.client("s3").create_bucket(Bucket=REPORTS)
        for (bucket, key), body in _FOREIGN.items():
            self.yard.inspector.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        if start in ("standing", "one", "many"):
            self._stand()
        if start == "kept":
            self.begin_run("run-0")
            self.finish("run-0")
            self._set(settings | {"cluster": {"nodes": 2}})
        self._left = self.yard.census()
        if start in ("one", "many"):
            self.write(FIRST, start)

    def _set(self, settings: dict[str, Any]) -> None:
        for each in (self.yard, *self.workers):
            each.settings = settings

    def _stand(self) -> None:
        iam, client = self.yard.inspector.client("iam"), self.yard.inspector.client("redshift")
        role = iam.create_role(RoleName="w", AssumeRolePolicyDocument=trust("redshift.amazonaws.com"))["Role"]["Arn"]
        may = {"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"}
        iam.put_role_policy(RoleName="w", PolicyName="own", PolicyDocument=document(may))
        client.create_cluster(
            ClusterIdentifier=_CLUSTER, NodeType="ra3.large", MasterUsername="admin", ManageMasterPassword=True,
            IamRoles=[role], DefaultIamRoleArn=role,
        )  # fmt: skip

    # Runs

    def plan(self, run: str) -> Plan:
        """One insert and two results."""
        settings = self.yard.config.warehouses[0]
        log = f"create table if not exists log (run varchar(9)); insert into log values ('{run}')"
        one = Unload(
            name="one", query=f"select '{run}' as run", to=f"s3://{REPORTS}/", format=FileFormat.CSV, single_file=True
        )
        many = Unload(
            name="many", query=f"select '{run}' as run union all select '{run}'", to=f"s3://{REPORTS}/many/",
            format=FileFormat.CSV,
        )  # fmt: skip
        return Plan(
            warehouse="nightly", run=run, mode=Mode(settings.mode), loads=(), steps=(Step(name="log", sql=log),),
            unloads=(one, many), keep_minutes=settings.keep_minutes,
        )  # fmt: skip

    def begin_run(self, run: str, *, by: Yard | None = None) -> RunRecord:
        """The run begins; each a minute after the one before."""
        yard = by or self.yard
        return begin_run(yard.warehouse.lake, self.plan(run), cause="a test", now=self.began(run))

    def began(self, run: str) -> datetime:
        return self.yard.now() + timedelta(minutes=int(run.rpartition("-")[2]))

    def write(self, run: str, result: str) -> RunRecord:
        """The run, begun and brought to where the result is in the staging, whole."""
        self.begin_run(run)
        works = works_of(self.yard)
        wanted = (result, 1 if result == "one" else 0)
        for _ in range(_TURNS):
            record = take_turn(works, run)
            self.turnstile.until_statements_ended()
            # Of the one file it is asked first how large it would be.
            if wanted in [(piece.name, piece.at) for piece in record.pieces if piece.state is PieceState.RUNNING]:
                return record
        raise AssertionError(f"{run} writes nothing: {self.record(run)}")

    def finish(self, run: str) -> RunRecord:
        """Turns of the run, of one process alone, until it has ended."""
        works = works_of(self.yard)
        record = self.record(run)
        for number in range(_TURNS):
            record = take_turn(works, run)
            if record.phase is Phase.ENDED:
                return record
            self.yard.settle()
            self.turnstile.until_statements_ended()
            self.yard.wait(1)
            if number % 5 == 4:
                list(reap([self.yard.warehouse], apply=True))
        raise AssertionError(f"{run} does not end: {record.phase} {record.waiting} {record.error} {record.pieces}")

    def reaped(self) -> None:
        """Passes of the reaper, until nothing is left to be done."""
        self.yard.settle()
        self.yard.wait(31)
        self.yard.reaped()

    # What must hold

    def always(self) -> list[str]:
        """At any moment: one stack at most, and whole results."""
        stacks = [each.name for each in self.yard.cloud.stacks._book.all("us-east-1") if not each.gone]
        found = [f"{len(stacks)} stacks at once: {stacks}"] if len(stacks) > 1 else []
        return found + self.broken_results()

    def broken_results(self) -> list[str]:
        """Results that are there and not a whole one of one run."""
        there = _objects(REPORTS)
        found = [f"one.csv is {there['one.csv']!r}" for _ in (1,) if _run_of(there.get("one.csv")) == "broken"]
        if "many/_manifest.json" in there:
            body = json.loads(there["many/_manifest.json"])
            keys = [each["url"].removeprefix(f"s3://{REPORTS}/") for each in body["entries"]]
            gone = [key for key in keys if key not in there]
            text = b"".join(there.get(key, b"") for key in keys)
            if gone or text != f"{body['run']}\n{body['run']}\n".encode():
                found.append(f"the manifest of {body['run']} has {text!r}, and {gone} are gone")
        return found

    def results(self) -> tuple[str | None, str | None]:
        """Whose results are published: the one file's run, and the manifest's."""
        there = _objects(REPORTS)
        manifest = there.get("many/_manifest.json")
        return _run_of(there.get("one.csv")), json.loads(manifest)["run"] if manifest is not None else None

    def record(self, run: str) -> RunRecord:
        stored = find_run(self.yard.warehouse.lake, "nightly", run)
        assert stored is not None
        return stored.record

    def runs(self) -> list[str]:
        """The runs that were begun in this round."""
        return [run for run in (FIRST, SECOND) if find_run(self.yard.warehouse.lake, "nightly", run) is not None]

    def left(self) -> list[str]:
        """Once all have ended: what is there and was not in the morning."""
        self.turnstile.until_statements_ended()  # one that was cancelled ends a moment later
        now = self.yard.census()
        found = [
            f"{kind}: {name}" for kind, names in now.items() for name in names
            if name not in self._left.get(kind, ()) and not (self._kept and kind not in ("statements", "objects"))
        ]  # fmt: skip
        lease = read_lease(self.yard.warehouse)
        if lease is not None and lease.state not in ("free", "kept"):
            found.append(f"the lease is {lease.state} by {lease.run}")
        return found

    @property
    def _kept(self) -> bool:
        return bool(self.yard.settings.get("keep"))

    def touched(self) -> list[str]:
        """Objects of others that are not as they were, and objects that nobody should have made."""
        found = [
            f"{key} of {bucket} is not as it was"
            for (bucket, key), body in _FOREIGN.items()
            if _objects(bucket).get(key) != body
        ]
        known = {key for bucket, key in _FOREIGN if bucket == REPORTS} | {"one.csv", "many/_manifest.json"}
        odd = [key for key in _objects(REPORTS) if key not in known and not key.startswith("many/run=run-")]
        return found + [f"{key} was made" for key in odd]

    def doubled(self) -> list[str]:
        """Statements that were sent twice."""
        data = RedshiftDataGateway(self.yard.inspector.client("redshift-data"))
        sent = Counter(each.name for each in data.named(statements_of(self.yard.warehouse.lake.layout, "nightly")))
        return [f"{name} was sent {count} times" for name, count in sent.items() if count > 1]

    def wrong_rows(self, good: Sequence[str]) -> list[str]:
        """Runs whose row is not there once: of one that ended badly, more than once. Asked where a cluster stays."""
        if self.yard.settings["mode"] != "existing":
            return []
        data = RedshiftDataGateway(self.yard.inspector.client("redshift-data"))
        made = self.yard.inspector.client("redshift-data").execute_statement(
            ClusterIdentifier=_CLUSTER, Database=self.yard.config.warehouses[0].database, Sql="select run from log"
        )["Id"]
        state = data.look(made, wait_seconds=30)
        rows = Counter(str(run) for (run,) in data.rows(made)) if state is not None and state.is_good else Counter()
        return [
            f"the row of {run} is there {rows[run]} times" for run in self.runs()
            if rows[run] > 1 or (run in good and not rows[run])
        ]  # fmt: skip


def works_of(yard: Yard) -> Works:
    """What a process of that worker takes turns with."""
    config = yard.config
    return open_works(config, config.warehouses[0], in_process(yard.workers), yard.warehouse.lake, clock=yard.now)


def _objects(bucket: str) -> dict[str, bytes]:
    return {key: stored.value for key, stored in objects(bucket).items()}


def _run_of(body: bytes | None) -> str | None:
    if body is None:
        return None
    run = body.decode().removesuffix("\n")
    return run if run in ("run-0", FIRST, SECOND) else "broken"
