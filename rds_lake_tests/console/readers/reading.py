"""The DDL of `rds-lake ddl`, run by engines of this machine over copies of the lake's files."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from contextlib import chdir
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from rds_lake.console.connect import Connected
from rds_lake.console.readers.ddl import Wanted, ddl
from rds_lake_tests.support.spark import spark_session
from rds_lake_tests.support.world import World

_BUCKET = "acme-lake"


@pytest.fixture(scope="module")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A session whose tables go into a folder of the test."""
    with chdir(tmp_path_factory.mktemp("spark")), spark_session() as session:
        yield session


def printed(world: World, engine: str, **wanted: Any) -> str:
    """What the command prints."""
    lines: list[str] = []
    connected = Connected(
        config=world.config, rds=world.gateways.rds, dynamodb=world.gateways.dynamodb, lake=world.gateways.lake
    )
    (source,) = world.config.sources
    ddl(connected, source, Wanted(engine=engine, **wanted), show=lines.append, say=lambda _: None)
    return "\n".join(lines) + "\n"


def copied_out(world: World, folder: Path) -> Path:
    """All files of the lake, as they are."""
    s3 = world.clients.client("s3")
    for key in world.keys("lake/"):
        if key.endswith(".parquet"):
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=_BUCKET, Key=key)["Body"].read())
    return folder


def statements_of(text: str) -> list[str]:
    """The statements of a script, without comments."""
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return [each.strip() for each in "\n".join(lines).split(";\n") if each.strip()]


def in_duckdb(text: str, folder: Path) -> duckdb.DuckDBPyConnection:
    """A database in which the script was run. Credentials are left out: the extension that has them is not on this machine."""
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'America/New_York'")
    for statement in statements_of(text):
        if " SECRET " not in statement:
            connection.execute(statement.replace(f"s3://{_BUCKET}", str(folder)))
    return connection


def in_spark(session: Any, text: str, folder: Path) -> None:
    """The script, run in a session of another time zone than the lake's."""
    session.conf.set("spark.sql.session.timeZone", "America/New_York")
    for statement in statements_of(text):
        session.sql(statement.replace(f"s3a://{_BUCKET}", f"file://{folder}"))


def agrees(value: Any, shown: str | None, kind: str) -> bool:
    """Whether a value of Python is what Athena shows. Times are compared to the millisecond, which is all that Athena has."""
    if value is None or shown is None:
        return value is None and shown is None
    if isinstance(value, float):
        wanted = float(shown)
        if kind == "real":  # Python has the double of the same number
            wanted = struct.unpack("f", struct.pack("f", wanted))[0]
        return value == wanted or (math.isnan(value) and math.isnan(wanted))
    return as_text(value) == shown


def as_text(value: Any) -> str:
    """A value as Athena shows it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        rounded = value + timedelta(microseconds=500)
        return f"{rounded:%Y-%m-%d %H:%M:%S}.{rounded.microsecond // 1000:03}".rjust(23, "0")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return value.hex(" ")
    if isinstance(value, list):
        return f"[{', '.join('null' if each is None else str(each) for each in value)}]"
    return str(value)


def differing(rows: Sequence[Sequence[Any]], shown: Sequence[Sequence[str | None]], kinds: Sequence[str]) -> list[str]:
    """The cells that are not as Athena shows them. `shown`: column by column."""
    columns = list(zip(*rows, strict=True))
    return [
        f"c{number} {kind}: {value!r} instead of {wanted!r}"
        for number, (values, wanteds, kind) in enumerate(zip(columns, shown, kinds, strict=True))
        for value, wanted in zip(values, wanteds, strict=True)
        if not agrees(value, wanted, kind)
    ]
