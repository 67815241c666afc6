"""AWS's quotas: exports in progress, and runs of Glue's job."""

from __future__ import annotations

from collections.abc import Iterator

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.doctor.findings import Examination, Row, Seen, doubtful, good
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.subjects.credentials import ACCOUNT
from rds_lake.model.exports.task import ExportStatus
from rds_lake.model.words import counted

EXPORTS = Row(
    id="quota.exports",
    looks_at="The account has fewer exports in progress than AWS allows (five, shared by everybody in the account).",
    remedy="wait, or find out who else exports; rds-lake starts this lake's exports as soon as AWS allows more",
)
SOURCES = Row(
    id="quota.daily",
    looks_at="The databases of lake.yaml can all be exported within a day, five at a time.",
    remedy="ask AWS Support for more exports at once and set `export_quota`, or spread sources over accounts",
)
ROWS = (EXPORTS, SOURCES)
# An export takes at least half an hour for RDS, however small: a snapshot is restored first.
_SHORTEST_MINUTES, _DAY_MINUTES = 30, 24 * 60


def examinations(config: LakeConfig) -> Iterator[Examination]:
    """Returns the examinations of quotas; empty if RDS exports nothing."""
    if config.databases:
        yield Examination(row=EXPORTS, look=_exports, after=((ACCOUNT.id, ""),))
        yield Examination(row=SOURCES, look=_daily)


def _exports(patient: Patient) -> Seen:
    running = [status.value.lower() for status in ExportStatus if status.running]
    tasks = patient.answers.pages(
        "rds",
        "describe_export_tasks",
        "ExportTasks",
        about=patient.names().arn("rds", "snapshot:*"),
        Filters=[{"Name": "status", "Values": running}],
    )
    quota = patient.lake.export_quota
    text = f"{len(tasks)} of {counted(quota, 'export')} that AWS allows are in progress"
    return doubtful(text) if len(tasks) >= quota else good(text)


def _daily(patient: Patient) -> Seen:
    count, quota = len(patient.config.databases), patient.lake.export_quota
    most = quota * _DAY_MINUTES // _SHORTEST_MINUTES
    text = f"{counted(count, 'database')}, and at most {most} exports a day at {_SHORTEST_MINUTES} minutes each"
    return doubtful(text) if count > most else good(text)
