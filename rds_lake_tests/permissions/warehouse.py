"""What warehouses need of the printed policies: the example's run as a workgroup, and a cluster from the lease to the reaper."""

from __future__ import annotations

import importlib
import json
import os
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig, load_config
from rds_lake.infra.policy.deployed import name_prefix
from rds_lake.infra.policy.document import PolicyDocument
from rds_lake.infra.policy.pipeline import pipeline_policy
from rds_lake.infra.policy.warehouse.making import warehouse_statements
from rds_lake.infra.policy.warehouse.role import redshift_role_policy
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.environment import environment
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.permissions.decisions import Recorded
from rds_lake.model.warehouse.names import stem_of
from rds_lake_tests.permissions.lake import NAMES
from rds_lake_tests.permissions.replay import Call, distinct, hanging
from rds_lake_tests.permissions.unused_warehouse import UNUSED
from rds_lake_tests.stages.warehouse.standing.test_rights import employ, life
from rds_lake_tests.stages.warehouse.standing.yard import Yard

EXAMPLE = Path(__file__).parents[2] / "examples" / "warehouse-recommendations"
CLUSTER: dict[str, Any] = {"mode": "cluster", "subnets": ["subnet-0a1b2c3d"]}
BEGIN, END = "<!-- warehouses: begin -->", "<!-- warehouses: end -->"
_HEAD = ["| statement | action | refused without it |", "|---|---|---|"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A warehouse of some mode: its lake.yaml, and the calls under the policies of that. `pipeline`: the pipeline's role."""

    title: str
    config: LakeConfig
    pipeline: str
    calls: list[Call]

    def statements(self) -> Iterator[tuple[str, PolicyDocument, frozenset[str]]]:
        """Of each role the whole policy, and the Sids that are there for warehouses."""
        (settings,) = self.config.warehouses
        own = frozenset(each.sid for each in warehouse_statements(self.config, self.config.warehouses, NAMES))
        yield self.pipeline, pipeline_policy(self.config, NAMES), own
        role = redshift_role_policy(self.config, settings, NAMES)
        stem = stem_of(settings.name)
        for name in sorted({call.role for call in self.calls if call.role.startswith(stem)}):
            yield name, role, frozenset(each.sid for each in role.statements)


def workgroup() -> Life:
    """The example's JSON, from its drop to the report, in Dagster."""
    said: list[Recorded] = []
    with _example() as run:
        run.story(lambda line: said.extend(_decisions()) if line.startswith("\nWhat is left") else None)
    config = load_config(EXAMPLE / "lake.yaml")
    title = "A workgroup: the example's run"
    return Life(title=title, config=config, pipeline=f"{name_prefix(config.lake)}-pipeline", calls=distinct({"": said}))


def cluster() -> Life:
    """Two runs of a cluster, of which one dies, and the reaper."""
    with LocalCloud({}) as cloud:
        os.environ |= environment(cloud.url)
        clients = InProcessClients(cloud.app)
        yard = Yard(cloud=cloud, inspector=clients, workers=clients)
        yard.prepare(**CLUSTER)
        employ(yard)
        life(yard)
        calls = distinct({"": cloud.permissions.decisions.all()})
    return Life(
        title="A cluster: lease, stack, statements, reaper", config=yard.config, pipeline="pipeline", calls=calls
    )


def rows(lived: Life) -> Iterator[tuple[str, list[str]]]:
    """By role the lines of its table."""
    for role, document, sids in lived.statements():
        by_statement = hanging(role, document, lived.calls)
        lines = [
            f"| `{statement.sid}` | `{action}` | {_needing(statement.sid, action, by_statement[statement.sid])} |"
            for statement in document.statements
            if statement.sid in sids
            for action in statement.actions
        ]
        yield "pipeline" if role == lived.pipeline else "Redshift's own role", lines


def _needing(sid: str, action: str, calls: list[Call]) -> str:
    found = sorted({call.decision.operation for call in calls if call.decision.action.lower() == action.lower()})
    return ", ".join(f"`{each}`" for each in found) or f"*none here:* {UNUSED[reason(sid, action)]}"


def reason(sid: str, action: str) -> str:
    """The key of the reason for an action that no call needs."""
    return f"{sid} {action}" if f"{sid} {action}" in UNUSED else sid


def section(lives: list[Life]) -> str:
    """The lines between the page's two marks."""
    made: list[str] = []
    for each in lives:
        for role, lines in rows(each):
            made.append(f"### {each.title}: {role}\n\n" + "\n".join([*_HEAD, *lines]))
    return "\n\n".join(made)


def replaced(page: str, lives: list[Life]) -> str:
    """The page with the section as it should be."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n\n{section(lives)}\n\n{END}{rest.split(END)[1]}"


def _decisions() -> list[Recorded]:
    """What the cloud of the example recorded."""
    with urllib.request.urlopen(f"{os.environ['AWS_ENDPOINT_URL']}/_local/decisions") as answer:
        found = json.loads(answer.read())["decisions"]
    return [
        Recorded(**each | {"time": datetime.fromisoformat(each["time"]),
                           "context": {key: tuple(values) for key, values in each["context"].items()}})
        for each in found
    ]  # fmt: skip


@contextmanager
def _example() -> Iterator[Any]:
    """The example's `run.py`; its modules have names of their own only within its folder."""
    before = set(sys.modules)
    sys.path.insert(0, str(EXAMPLE))
    try:
        yield importlib.import_module("run")
    finally:
        sys.path.remove(str(EXAMPLE))
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", None)).startswith(str(EXAMPLE)):
                del sys.modules[name]
