"""The outboxes of a source: one per captured database of PostgreSQL, one for a MySQL server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from rds_lake.aws.secrets import SecretsGateway
from rds_lake.config.database import Aurora, Database, Rds
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.streams import Streams
from rds_lake.database.dsn import Dsn, parse_dsn
from rds_lake.database.outbox.outbox import open_outbox
from rds_lake.errors import ConfigError
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.forward import Forwarding

FindDsn = Callable[[], Dsn]  # called before each connection, as secrets are rotated


def forwarded_sources(config: LakeConfig) -> list[Database]:
    """Returns the sources that this lake forwards: those with an outbox and a secret for it."""
    return [source for source in config.databases if source.streams and source.outbox_tables and source.streams.secret]


def outbox_source(config: LakeConfig, name: str) -> Database:
    """Returns the source of that name. Raises ConfigError if it has no outbox."""
    source = config.source(name)
    if not isinstance(source, Rds | Aurora) or not source.outbox_tables:
        raise ConfigError(
            f"source {name} has no outbox: add `streams:` with `tables` and `capture: outbox` to it in lake.yaml"
        )
    return source


def outbox_databases(source: Database) -> tuple[str, ...]:
    """Returns the databases with an outbox: those of PostgreSQL, or `rds_lake`."""
    return tuple(dict.fromkeys(table.database for table in source.outbox_tables))


def dsn_of(source: Database, secrets: Callable[[], SecretsGateway], given: str | None = None) -> FindDsn:
    """Returns the address of the database: `given`, or from the secret of lake.yaml, which is read each time."""
    if given is not None:
        dsn = parse_dsn(given, where="given by --dsn")
        return lambda: dsn
    secret = settings_of(source).secret
    if secret is None:
        raise ConfigError(f"source {source.name}: add `streams.secret`, or give the database with --dsn")
    return lambda: parse_dsn(secrets().get_text(secret), where=secret)


def settings_of(source: Database) -> Streams:
    """Returns the source's `streams:`, which must exist."""
    assert source.streams is not None
    return source.streams


def forwardings(
    lake: Lake,
    source: Database,
    find_dsn: FindDsn,
    *,
    clock: Callable[[], datetime],
    new_attempt: Callable[[], str],
    log: Callable[[str], None],
    databases: Sequence[str] = (),
) -> list[Forwarding]:
    """Returns the input of `forward_once` and `reset`, for each of the source's databases or the named ones."""
    known = outbox_databases(source)
    unknown = [name for name in databases if name not in known]
    if unknown:
        raise ConfigError(f"source {source.name} captures nothing in {', '.join(unknown)}; it has {', '.join(known)}")

    def forwarding(database: str) -> Forwarding:
        return Forwarding(
            lake=lake,
            source=source.name,
            database=database,
            open_outbox=lambda: open_outbox(find_dsn(), database),
            clock=clock,
            new_attempt=new_attempt,
            log=log,
        )

    return [forwarding(database) for database in databases or known]
