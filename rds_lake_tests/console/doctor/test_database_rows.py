"""What the doctor says of a database with triggers: whether they are there, and whether somebody empties the outbox."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from rds_lake.config.database import Rds
from rds_lake.config.lake_yaml import LakeConfig, parse_config
from rds_lake.console.doctor.database_rows import examinations
from rds_lake.console.streams.triggers import wanted_of
from rds_lake.database.capture.describe import describe
from rds_lake.database.capture.install import install
from rds_lake.database.dsn import parse_dsn
from rds_lake.infra.doctor.findings import Seen, Verdict
from rds_lake.infra.doctor.patient import Patient
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.sql.triggers.generate import generate
from rds_lake.sql.triggers.plan import require_capturable

SECRET = "arn:aws:secretsmanager:us-east-1:111122223333:secret:shop-AbCdEf"
_LAKE = f"""
lake: {{bucket: acme-lake, export_role: 'arn:aws:iam::111122223333:role/e', kms_key: alias/k, events_queue: q, start_date: 2026-01-01}}
sources:
- {{name: shop, kind: rds, identifier: shop-prod, streams: {{tables: [examined.public.accounts], secret: '{SECRET}'}}}}
"""
CONFIG: LakeConfig = parse_config(_LAKE, where="test")


class Secrets:
    """Of one secret, the database's URL."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get_text(self, arn: str) -> str:
        assert arn == SECRET
        return self._url


@pytest.fixture(scope="module")
def url(postgres: EmbeddedPostgres) -> str:
    return postgres.create_database("examined")


@pytest.fixture
def database(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS rds_lake CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        connection.execute("CREATE TABLE accounts (id int PRIMARY KEY, name text)")
        yield connection


def seen(url: str, row: str) -> Seen:
    secrets: Any = Secrets(url)
    patient = Patient(config=CONFIG, answers=None, now=None)  # type: ignore[arg-type]
    return next(one.look(patient) for one in examinations(CONFIG, lambda: secrets) if one.row.id == row)


def install_triggers(url: str) -> None:
    source = CONFIG.source("shop")
    assert isinstance(source, Rds)
    assert source.streams
    dsn = parse_dsn(url, where="test")
    wanted = wanted_of(source, dsn.user)
    described = describe(dsn, source.streams.targets(dsn.engine), capture=wanted.capture, level=wanted.level)
    install(dsn, generate(dsn.engine, require_capturable(described), wanted))


def test_triggers_that_are_missing_or_switched_off_are_reported(url: str, database: psycopg.Connection[Any]) -> None:
    missing = seen(url, "streams.triggers")
    assert missing.verdict is Verdict.FAIL
    assert "rds-lake streams triggers shop --install" in (missing.remedy or "")
    install_triggers(url)
    assert seen(url, "streams.triggers").verdict is Verdict.PASS
    database.execute("ALTER TABLE accounts DISABLE TRIGGER USER")
    assert seen(url, "streams.triggers").verdict is Verdict.FAIL


def test_an_outbox_that_is_not_emptied_is_reported(url: str, database: psycopg.Connection[Any]) -> None:
    install_triggers(url)
    database.execute("INSERT INTO accounts VALUES (1, 'Ann')")
    assert seen(url, "streams.outbox").verdict is Verdict.PASS
    database.execute("UPDATE rds_lake.outbox SET at = now() - interval '2 hours'")
    found = seen(url, "streams.outbox")
    assert found.verdict is Verdict.WARN
    assert "is not emptied" in found.text


def test_a_column_that_makes_aws_skip_its_table_is_named(url: str, database: psycopg.Connection[Any]) -> None:
    assert seen(url, "streams.tables").verdict is Verdict.PASS
    database.execute('ALTER TABLE accounts RENAME COLUMN name TO "Full Name"')
    found = seen(url, "streams.tables")
    assert (found.verdict, "'Full Name'" in found.text) == (Verdict.FAIL, True)


def test_a_database_that_cannot_be_reached_is_unknown_and_no_failure() -> None:
    from rds_lake.errors import RdsLakeError

    with pytest.raises(RdsLakeError):
        seen("postgresql://nobody@127.0.0.1:9/examined", "streams.triggers")
    assert seen("postgresql://nobody@127.0.0.1:9/examined", "streams.outbox").verdict is Verdict.UNKNOWN
