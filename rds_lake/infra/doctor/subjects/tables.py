"""The tables of `kind: dynamodb`: whether they exist, and can be exported as of an instant."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import partial

from rds_lake.config.dynamodb import DynamoDb, is_table_name
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.doctor.findings import Examination, Row, Seen, bad, good
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.subjects.credentials import ACCOUNT
from rds_lake.model.words import counted

EXISTS = Row(
    id="tables.exist",
    looks_at="Each table of `tables:` is in this account and Region, and each pattern matches at least one.",
    remedy="correct `tables:` of the source in lake.yaml, or the Region",
)
RECOVERY = Row(
    id="tables.recovery",
    looks_at="Point-in-time recovery is on for every table of `method: export`: without it DynamoDB cannot export the table.",
    remedy="switch point-in-time recovery on for these tables, or use `method: scan`",
)
ROWS = (EXISTS, RECOVERY)
_MISSING = ("ResourceNotFoundException", "TableNotFoundException")


def examinations(config: LakeConfig) -> Iterator[Examination]:
    """Returns two rows for each source; a scan needs no recovery."""
    for source in config.dynamodb:
        yield Examination(row=EXISTS, about=source.name, look=partial(_exist, source), after=((ACCOUNT.id, ""),))
        if source.method == "export":
            after = ((EXISTS.id, source.name),)
            yield Examination(row=RECOVERY, about=source.name, look=partial(_recovery, source), after=after)


def _tables(patient: Patient, source: DynamoDb) -> dict[str, list[str]]:
    """Returns the tables of each item of `tables:`; a plain name is itself, whether that table exists or not."""
    patterns = [item for item in source.tables if not is_table_name(item)]
    every = patient.answers.pages("dynamodb", "list_tables", "TableNames") if patterns else []
    matching = {item: [name for name in every if fnmatchcase(name, item)] for item in patterns}
    return {item: matching.get(item, [item]) for item in source.tables}


def _exist(source: DynamoDb, patient: Patient) -> Seen:
    tables = _tables(patient, source)
    missing = [item for item, names in tables.items() if not names]
    missing += [
        item
        for item in source.tables
        if is_table_name(item)
        and patient.ask("dynamodb", "describe_table", about=item, missing=_MISSING, TableName=item) is None
    ]
    if missing:
        return bad(f"these tables do not exist: {', '.join(missing)}")
    return good(f"{len({name for names in tables.values() for name in names})} tables")


def _recovery(source: DynamoDb, patient: Patient) -> Seen:
    names = sorted({name for names in _tables(patient, source).values() for name in names})
    off = [name for name in names if not _is_recoverable(patient, name)]
    if off:
        return bad(f"point-in-time recovery is off for {', '.join(off)}")
    return good(f"on for {counted(len(names), 'table')}")


def _is_recoverable(patient: Patient, table: str) -> bool:
    answer = patient.ask("dynamodb", "describe_continuous_backups", about=table, missing=_MISSING, TableName=table)
    described = (answer or {}).get("ContinuousBackupsDescription", {}).get("PointInTimeRecoveryDescription", {})
    return described.get("PointInTimeRecoveryStatus") == "ENABLED"
