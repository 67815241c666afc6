"""From triggers of both engines through Lambda and Firehose to live views, and to the snapshot that says what was lost on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from rds_lake.config.streams import Streams
from rds_lake.console.streams.package import HANDLER, function_zip
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.databases.opening import open_database
from rds_lake.model.streams.captured import Capture
from rds_lake.sql.triggers.plan import Wanted
from rds_lake.stages.streams.live import drift
from rds_lake.stages.streams.live.turn import Turn, take_turn
from rds_lake_tests.database.capture.captured import capture
from rds_lake_tests.database.capture.mysql.lab import Lab
from rds_lake_tests.localcloud.streaming import Streaming
from rds_lake_tests.support.world import World, execute_mysql, mariadb_cloud

ARN = "arn:aws:lambda:us-east-1:123456789012:function:changes"
_POSTGRES = """
CREATE TABLE routes ("from" char(3), "to" char(3), "group" numeric(12,2), open bit(1), seen timestamptz, doc json, raw bytea,
    PRIMARY KEY ("from", "to"));
"""
_MYSQL = """
CREATE TABLE routes (`from` CHAR(3), `to` CHAR(3), `group` DECIMAL(12,2), open BIT(1), seen TIMESTAMP(3) NULL, doc VARCHAR(50),
    raw BLOB, PRIMARY KEY (`from`, `to`)) CHARACTER SET latin1
"""


class Story:
    """A captured table `routes`, whose changes reach the lake through a packaged function and a stream of Firehose."""

    def __init__(self, world: World, url: str) -> None:
        self.world, self.url, self.mysql = world, url, url.startswith("mysql")
        self.streaming = Streaming(cloud=world.cloud)
        world.cloud.calling_databases.install("shop-prod")
        name = url.rpartition("/")[2]
        world.with_source(
            default_schema=f"{name}.{name}" if self.mysql else f"{name}.public",
            include=(),
            streams=Streams(
                tables=(f"{name}.routes" if self.mysql else f"{name}.public.routes",), capture="lambda", function=ARN
            ),
        )
        self.streaming.role = self.streaming.make_role("streams", {"Effect": "Allow", "Action": "*", "Resource": "*"})
        self.streaming.stream(
            "changes-shop",
            Prefix=world.gateways.lake.layout.arrived_folder("shop"),
            CompressionFormat="GZIP",
            BufferingHints={"SizeInMBs": 1, "IntervalInSeconds": 900},
        )
        variables = {"Variables": {"RDS_LAKE_STREAM": "changes-{source}"}}
        self.streaming.function(function_zip(), "changes", HANDLER, Environment=variables, Timeout=60)
        self.write(_MYSQL if self.mysql else _POSTGRES)
        if self.mysql:
            Lab(url).capture("routes", wanted=Wanted(source="shop", capture=Capture.LAMBDA, function=ARN))
        else:
            capture(url, "routes", capture=Capture.LAMBDA, function=ARN)

    def write(self, *statements: str, commit: bool = True) -> None:
        if self.mysql:
            quoted = [statement.replace('"', "`") for statement in statements]
            execute_mysql(self.url, "BEGIN", *quoted, "COMMIT" if commit else "ROLLBACK")
            return
        with psycopg.connect(self.url) as connection:
            for statement in statements:
                connection.execute(statement.encode())
            (connection.commit if commit else connection.rollback)()

    def routes(self, first: int, count: int) -> None:
        """Insert so many routes, in one statement."""
        doc, raw = ("'größe \"{0}\"'", "X'{0:04}'") if self.mysql else ("'[\"größe\", {0} ]'", "'\\x{0:04}'")
        bit = "b'1'" if self.mysql else "B'1'"
        row = f"('ZRH', '{{0:03}}', {{0}}.50, {bit}, '2026-03-29 01:30:00.5', {doc}, {raw})"
        # Not by `write`, which would take the quotes of a value for those of a name.
        statement = "INSERT INTO routes VALUES " + ", ".join(
            row.format(number) for number in range(first, first + count)
        )
        if self.mysql:
            execute_mysql(self.url, statement)
        else:
            self.write(statement)

    def turn(self) -> Turn:
        self.streaming.settled()
        self.streaming.flush()
        source = self.world.config.databases[0]
        return take_turn(self.world.gateways.lake, source, (), log=self.world.lines.append)

    def publish(self, days: int) -> date:
        """A snapshot of now, or as of now in so many days."""
        at = datetime.now(UTC) + timedelta(days=days)
        self.world.snapshot(at.date().isoformat(), at=at.isoformat())
        self.world.publish(at.date().isoformat())
        return at.date()

    def shown(self, view: str) -> list[tuple[str | None, ...]]:
        listed = '"from", "to", "group", open, seen, doc, raw'
        return sorted(self.world.query(f"SELECT {listed} FROM {view}"))


@pytest.fixture(params=["postgres", "mysql"])
def story(
    request: pytest.FixtureRequest,
    postgres: EmbeddedPostgres,
    mariadb: EmbeddedMariaDb,
    tmp_path: Path,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Story]:
    server = postgres if request.param == "postgres" else mariadb
    url = server.create_database(f"flights_{request.param}")
    monkeypatch.setattr(drift, "_ON_THEIR_WAY", timedelta(days=-9))  # snapshots of tomorrow are compared at once
    with mariadb_cloud(url) as cloud:
        yield Story(World.provisioned(cloud, url=url, directory=tmp_path, root=root), url)
    open_database(url).drop()


@pytest.mark.exhaustive
def test_live_views_follow_the_table_and_the_next_snapshot_has_nothing_to_say(story: Story) -> None:
    story.routes(100, 3)
    first = story.turn()
    assert (first.collected and first.collected.rows, first.failure) == (3, None)
    story.publish(0)
    story.routes(200, 40)
    story.write(
        'UPDATE routes SET "group" = 1.5 WHERE "to" = \'100\'',
        "UPDATE routes SET \"to\" = '900' WHERE \"to\" = '101'",
        "DELETE FROM routes WHERE \"to\" = '102'",
    )
    turn = story.turn()
    assert turn.problems == (), turn.problems
    story.publish(1)
    assert story.shown("routes_live") == story.shown("routes"), "the published date has moved, and live with it"
    clean = story.turn()
    assert clean.drift is not None and clean.drift.compared == 1, clean
    assert clean.drift.problems == ()
    assert len(story.world.query("SELECT * FROM routes_history WHERE change = 'update'")) == 2


@pytest.mark.exhaustive
@pytest.mark.parametrize("story", ["postgres"], indirect=True)
def test_what_the_way_loses_and_what_was_rolled_back_is_told_apart(story: Story) -> None:
    story.routes(200, 40)
    story.turn()
    story.publish(0)
    story.write('UPDATE routes SET "group" = 7 WHERE "to" = \'200\'', commit=False)
    story.streaming.settled()
    story.streaming.faults(lambdas=[{"lose_percent": 10}, {"repeat_percent": 10}, {"shuffle": 8}])
    for step in range(1, 4):
        story.write(f'UPDATE routes SET "group" = "group" + {step} WHERE "to" > \'200\'')
    lost = story.streaming.settled()["counts"]["lost"]
    story.turn()
    story.publish(1)
    turn = story.turn()
    assert turn.drift is not None
    (found,) = turn.drift.tables
    assert 0 < found.rows + found.lost <= lost
    assert [row.key for row in found.phantom_rows] == ["from=ZRH, to=200"]
    assert (found.missing, found.extra) == (0, 0)
    print(turn.drift.problems)
