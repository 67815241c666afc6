"""`rds-lake streams triggers`: the SQL that captures changes in the database itself, printed or run.

What belongs here: finding tables, keys and users, and printing the script.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.secrets import SecretsGateway
from rds_lake.aws.session import open_clients
from rds_lake.config.database import Aurora, Database, Rds
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.streams import Streams
from rds_lake.console.streams.last_snapshot import tables_of_last_snapshot
from rds_lake.database.capture.describe import describe
from rds_lake.database.capture.install import differences, install, installed, uninstall
from rds_lake.database.dsn import Dsn, parse_dsn
from rds_lake.errors import ConfigError
from rds_lake.model.aws.engine import Engine
from rds_lake.model.streams.captured import Capture, CapturedTable, Level
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.triggers.generate import generate
from rds_lake.sql.triggers.plan import TriggerPlan, Wanted, require_capturable
from rds_lake.sql.triggers.script import script

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments. `keys`: `TABLE=COLUMN,…`, if no database is used."""

    source: str
    install: bool = False
    drop: bool = False
    reader: str | None = None
    keys: tuple[str, ...] = ()
    dsn: str | None = None


def triggers(config: LakeConfig, asked: Asked, *, show: Say, say: Say) -> None:
    """Print the script on `show` and notes on `say`, or run the script.

    ConfigError lists every table that cannot be captured, with every reason; then nothing is printed or run.
    """
    source = database_source(config, asked.source)
    assert source.streams is not None
    if asked.keys and not asked.drop:
        if asked.install:
            raise ConfigError(
                "--install needs the database, and --key is for printing without a database; leave out one of the two"
            )
        tables = tables_of_last_snapshot(
            S3Gateway(open_clients(region=config.lake.region).s3), config, source, asked.keys
        )
        engine = source.captured_engine or Engine.POSTGRES
        _print(generate(engine, tables, wanted_of(source, asked.reader)), engine, asked, show=show, say=say)
        return
    dsn, reader = _databases(config, source.streams, asked)
    wanted = wanted_of(source, asked.reader or reader)
    targets = source.streams.targets(dsn.engine)
    if asked.drop:
        plan = generate(dsn.engine, _to_drop(dsn, targets, wanted), wanted)
    else:
        described = describe(dsn, targets, capture=wanted.capture, level=wanted.level)
        plan = generate(dsn.engine, require_capturable(described), wanted)
        for note in (note for each in described for note in each.notes):
            say(note)
    if asked.install:
        _run(dsn, plan, asked, say)
        return
    for problem in () if asked.drop else differences(dsn, plan):
        say(problem)
    _print(plan, dsn.engine, asked, show=show, say=say)


def database_source(config: LakeConfig, name: str) -> Database:
    """Returns the source. ConfigError if it captures nothing."""
    source = config.source(name)
    if not isinstance(source, Rds | Aurora) or source.streams is None:
        raise ConfigError(f"source {name!r} captures no changes: add `streams:` to it (kinds rds and aurora only)")
    return source


def wanted_of(source: Database, reader: str | None) -> Wanted:
    """Returns the settings of the triggers by the source's `streams:`."""
    streams = source.streams
    assert streams is not None
    return Wanted(
        source=source.name,
        capture=Capture(streams.capture),
        level=Level(streams.level),
        on_error=streams.on_error,
        function=streams.function,
        reader=reader,
    )


def _databases(config: LakeConfig, streams: Streams, asked: Asked) -> tuple[Dsn, str | None]:
    """Returns the database to work in, and the user who forwards from it."""
    if asked.dsn is None and streams.secret is None:
        raise ConfigError(
            "columns and keys have to be read from the database: add `streams.secret`, or use --dsn. Without a database, give "
            "`--key TABLE=COLUMN,…` for each table; the columns then come from the newest snapshot"
        )
    own = parse_dsn(asked.dsn, where="--dsn") if asked.dsn else None
    if streams.secret is None or (own and asked.reader):
        assert own is not None
        return own, None
    secrets = SecretsGateway(open_clients(region=config.lake.region).client("secretsmanager"))
    forwarder = parse_dsn(secrets.get_text(streams.secret), where=streams.secret)
    return own or forwarder, forwarder.user


def _to_drop(dsn: Dsn, targets: Sequence[TableTarget], wanted: Wanted) -> tuple[CapturedTable, ...]:
    """Returns the tables of lake.yaml, and all others that the database records as captured."""
    there = {table.target: table for table in installed(dsn, targets[0].database)}
    asked_for = {target: CapturedTable(target=target, columns=(), key=(), level=wanted.level) for target in targets}
    return tuple((asked_for | there).values())


def _run(dsn: Dsn, plan: TriggerPlan, asked: Asked, say: Say) -> None:
    names = ", ".join(str(table.target) for table in plan.tables)
    if asked.drop:
        uninstall(dsn, plan)
        say(
            f"removed: {names} are no longer captured (an outbox that still has changes is kept: forward them, then "
            "repeat the command)"
        )
        return
    install(dsn, plan)
    say(f"installed: triggers now capture the changes of {names}, each in the transaction that makes it")
    for problem in differences(dsn, plan):
        say(problem)


def _print(plan: TriggerPlan, engine: Engine, asked: Asked, *, show: Say, say: Say) -> None:
    show(script(engine, plan.drop if asked.drop else plan.statements, notes=() if asked.drop else plan.notes))
    if not asked.drop and asked.reader is None and not any(s.startswith("GRANT") for s in plan.statements):
        say("the database user who forwards needs rights on these tables: add them with --reader USER")
