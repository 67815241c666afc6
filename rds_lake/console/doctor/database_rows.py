"""Rows about the databases: names that AWS skips, the triggers of `streams:`, and whether outboxes are emptied."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from rds_lake.aws.secrets import SecretsGateway
from rds_lake.config.database import Database
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.console.streams.triggers import wanted_of
from rds_lake.database.capture.describe import describe
from rds_lake.database.capture.install import differences
from rds_lake.database.dsn import Dsn
from rds_lake.infra.doctor.findings import Examination, Row, Seen, bad, doubtful, good, undecided
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.subjects.credentials import ACCOUNT
from rds_lake.sql.triggers.generate import generate
from rds_lake.sql.triggers.plan import Described, Wanted, refusals, require_capturable
from rds_lake.stages.lake.known_tables import find_known_tables
from rds_lake.stages.runs.attempt import Failed
from rds_lake.stages.streams.health import watch_outboxes
from rds_lake.stages.streams.outboxes import dsn_of, forwarded_sources, settings_of

TABLES = Row(
    id="names.tables",
    looks_at="No known table has a name that AWS skips: AWS does not export a table with a slash in its name.",
    remedy="rename the table in the database, or leave it out of `include`",
)
CAPTURABLE = Row(
    id="streams.tables",
    looks_at="Each table of `streams.tables` can be captured, and exported: AWS skips a table with a space or one of , ; { } ( ) = in "
    "a column's name.",
    remedy="change the table in the database, or remove it from `streams.tables`",
)
TRIGGERS = Row(
    id="streams.triggers",
    looks_at="The triggers of `streams:` are installed, enabled, and the same as rds-lake would install today.",
    remedy="run `rds-lake streams triggers SOURCE --install`",
)
OUTBOX = Row(
    id="streams.outbox",
    looks_at="The outbox is emptied: if it is never emptied, it fills the disk of the production database.",
    remedy="run `rds-lake streams forward SOURCE`, and find out why Dagster's sensor does not",
)
ROWS = (TABLES, CAPTURABLE, TRIGGERS, OUTBOX)
# https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html#USER_ExportSnapshot.Limits
_OF_TABLES = frozenset("/")
_SHOWN = 5
Secrets = Callable[[], SecretsGateway]


def examinations(config: LakeConfig, secrets: Secrets) -> Iterator[Examination]:
    """Returns the examinations: tables of every database; triggers and outboxes of databases with capture that can be reached."""
    for source in config.databases:
        yield Examination(row=TABLES, about=source.name, look=partial(_tables, source))
    for source in forwarded_sources(config):
        tables, triggers = ((CAPTURABLE.id, source.name),), ((TRIGGERS.id, source.name),)
        account = ((ACCOUNT.id, ""),)
        yield Examination(
            row=CAPTURABLE, about=source.name, look=lambda _, it=source: _capturable(it, secrets), after=account
        )
        yield Examination(
            row=TRIGGERS, about=source.name, look=lambda _, it=source: _triggers(it, secrets), after=tables
        )
        yield Examination(row=OUTBOX, about=source.name, look=lambda _, it=source: _outbox(it, secrets), after=triggers)


def _tables(source: Database, patient: Patient) -> Seen:
    known = find_known_tables(patient.config, source)
    if known is None:
        return good("its tables are not known yet: `rds-lake refresh` writes them once there is a date")
    skipped = [str(table) for table in known if not _OF_TABLES.isdisjoint(table.table)]
    return bad(f"AWS skips {_some(skipped)}") if skipped else good(f"{len(known)} known tables")


def _described(source: Database, secrets: Secrets) -> tuple[Dsn, Wanted, Sequence[Described]]:
    dsn = dsn_of(source, secrets)()
    wanted = wanted_of(source, dsn.user)
    targets = settings_of(source).targets(dsn.engine)
    return dsn, wanted, describe(dsn, targets, capture=wanted.capture, level=wanted.level)


def _capturable(source: Database, secrets: Secrets) -> Seen:
    _, _, described = _described(source, secrets)
    refused = [f"{table.target}: {reason}" for table in refusals(described) for reason in table.reasons]
    return bad(_some(refused)) if refused else good(f"{len(described)} captured tables")


def _triggers(source: Database, secrets: Secrets) -> Seen:
    dsn, wanted, described = _described(source, secrets)
    problems = differences(dsn, generate(dsn.engine, require_capturable(described), wanted))
    remedy = f"run `rds-lake streams triggers {source.name} --install`"
    return bad(_some(problems), remedy) if problems else good("they are the same as rds-lake would install today")


def _outbox(source: Database, secrets: Secrets) -> Seen:
    outboxes = watch_outboxes(source, dsn_of(source, secrets))
    alarms = [alarm for outbox in outboxes if (alarm := outbox.alarm)]
    if alarms:
        return doubtful(
            "; ".join(alarms), f"run `rds-lake streams forward {source.name}`, and find out why no run does"
        )
    unseen = [str(outbox) for outbox in outboxes if isinstance(outbox.state, Failed)]
    return (
        undecided("; ".join(unseen), "check that the database can be reached from here")
        if unseen
        else good("; ".join(map(str, outboxes)))
    )


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return f"{'; '.join(texts[:_SHOWN])}{more}"
