"""`rds-lake doctor`: examines everything, prints the findings, and fixes what is safe if a person asks for it.

`--fix` only adds or enables what the lake needs, and never removes: EventBridge on a bucket, a rule, a rule's right to send.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console

from rds_lake.aws.account.answers import Answers
from rds_lake.aws.clients import AwsClients
from rds_lake.aws.secrets import SecretsGateway
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.console.doctor import dagster_rows, database_rows
from rds_lake.console.doctor.as_json import as_json, exit_code
from rds_lake.console.doctor.show import progress, show
from rds_lake.errors import ConfigError, RdsLakeError
from rds_lake.infra.doctor import rows
from rds_lake.infra.doctor.examine import Pace, examine
from rds_lake.infra.doctor.findings import Examination, Finding, Key, Row
from rds_lake.infra.doctor.patient import Patient

ROWS: tuple[Row, ...] = (*rows.ROWS, *database_rows.ROWS, *dagster_rows.ROWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments. `only`: ids of rows, or subjects; `role`: the ARN of the role that the pipeline runs as."""

    only: tuple[str, ...] = ()
    role: str | None = None
    json: bool = False
    every: bool = False
    fix: bool = False
    yes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The doctor's inputs and outputs. `errors`: a console beside the output; `ask`: asks a person, yes or no."""

    clients: Callable[[], AwsClients]
    dagster_home: str | None
    now: Callable[[], datetime]
    pace: Pace
    console: Console
    errors: Console
    ask: Callable[[str], bool]


def doctor(config: LakeConfig, asked: Asked, around: Surroundings) -> int:
    """Returns the exit code: 0 no problem, 1 something to look at, 2 something failed."""
    findings = look(config, asked, around)
    if asked.fix and mend(findings, asked, around):
        findings = look(config, asked, around)
    if asked.json:
        around.console.print_json(json.dumps(as_json(findings), ensure_ascii=False))
    else:
        show(findings, around.console, every=asked.every)
    return exit_code(findings)


def look(config: LakeConfig, asked: Asked, around: Surroundings) -> tuple[Finding, ...]:
    """Returns the findings of the chosen rows."""
    every = examinations_of(config, around.clients, around.dagster_home)
    chosen = _chosen(every, asked.only)
    patient = Patient(config=config, answers=Answers(around.clients), now=around.now, role=asked.role)
    with progress(around.errors) as bar:
        task = bar.add_task("looking", total=len(chosen))

        def show_finding(finding: Finding) -> None:
            bar.update(task, advance=1, description=f"{finding.row.id} {finding.about}".rstrip())

        findings = examine(chosen, patient, around.pace, on_finding=show_finding)
    if not asked.only:
        return findings
    return tuple(finding for finding in findings if _is_asked(finding.row, asked.only))


def examinations_of(config: LakeConfig, clients: Callable[[], AwsClients], home: str | None) -> list[Examination]:
    """Returns all examinations for this lake.yaml."""
    return [
        *rows.examinations_of(config),
        *database_rows.examinations(config, lambda: SecretsGateway(clients().client("secretsmanager"))),
        *dagster_rows.examinations(config, home),
    ]


def _chosen(every: Sequence[Examination], only: Sequence[str]) -> list[Examination]:
    """Returns the chosen examinations, and those that they depend on. ConfigError for a name that is not a row."""
    known = {name for row in ROWS for name in (row.id, row.subject)}
    if unknown := [name for name in only if name not in known]:
        raise ConfigError(
            f"--only {', '.join(unknown)}: is not a row or subject. Subjects are "
            f"{', '.join(dict.fromkeys(row.subject for row in ROWS))}; docs/doctor.md lists all rows"
        )
    if not only:
        return list(every)
    by_key = {examination.key: examination for examination in every}
    wanted: set[Key] = set()
    waiting = [examination for examination in every if _is_asked(examination.row, only)]
    while waiting:
        examination = waiting.pop()
        if examination.key not in wanted:
            wanted.add(examination.key)
            waiting += [by_key[key] for key in examination.after if key in by_key]
    return [examination for examination in every if examination.key in wanted]


def _is_asked(row: Row, only: Sequence[str]) -> bool:
    return row.id in only or row.subject in only


def mend(findings: Sequence[Finding], asked: Asked, around: Surroundings) -> int:
    """Fix what is safe, one finding after the other, each after a person agreed; returns how many were fixed."""
    mended = 0
    for finding in findings:
        fix = finding.fix
        if fix is None or not (asked.yes or around.ask(f"{finding.seen}\n{fix.does}?")):
            continue
        try:
            fix.apply(around.clients().client)
        except RdsLakeError as error:
            around.errors.print(f"not done: {fix.does}: {error}", highlight=False)
            continue
        around.errors.print(f"done: {fix.does}", highlight=False)
        mended += 1
    return mended
