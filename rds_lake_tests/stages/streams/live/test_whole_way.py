"""From generated triggers of either engine, through the forwarder and compaction, to what readers see: inputs that go wrong."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from rds_lake.database.capture.describe import describe
from rds_lake.database.capture.install import differences, install
from rds_lake.database.dsn import Dsn, parse_dsn
from rds_lake.database.outbox.outbox import open_outbox
from rds_lake.errors import ConfigError, ManifestError, OutboxBusyError
from rds_lake.model.streams.captured import OWN_SCHEMA, Capture, Level
from rds_lake.model.tables.table import TableTarget
from rds_lake.sql.changes.table import ChangedTable, Watermark
from rds_lake.sql.changes.views import render_history, render_live
from rds_lake.sql.triggers.generate import generate
from rds_lake.sql.triggers.plan import TriggerPlan, Wanted, require_capturable
from rds_lake.stages.streams.compaction.compact import Compaction, Compactor
from rds_lake.stages.streams.forward import Forwarded, Forwarding, forward_once
from rds_lake.stages.streams.reset import reset
from rds_lake_tests.stages.streams.outbox_database import Captured
from rds_lake_tests.stages.streams.test_live import NOTES, Bench
from rds_lake_tests.support.world import World

LARGE = (1 << 20) + 1


@dataclass
class Way:
    """The table `notes` of a database, captured by generated triggers, and a lake. `reader`: who forwards."""

    database: Captured
    bench: Bench
    reader: Dsn | None = None

    @property
    def target(self) -> TableTarget:
        return self.database.target("notes")

    @property
    def table(self) -> ChangedTable:
        return replace(NOTES, names=replace(NOTES.names, target=self.target))

    def plan(self, **wanted: str) -> TriggerPlan:
        dsn = self.database.dsn
        described = describe(dsn, [self.target], capture=Capture.OUTBOX, level=Level.ROW)
        return generate(dsn.engine, require_capturable(described), Wanted(source="shop", **wanted))  # type: ignore[arg-type]

    def install(self, **wanted: str) -> None:
        install(self.database.dsn, self.plan(**wanted))

    @property
    def work(self) -> Forwarding:
        return Forwarding(
            lake=self.bench.world.gateways.lake,
            source="shop",
            database=self.database.home,
            open_outbox=lambda: open_outbox(self.reader or self.database.dsn, self.database.home),
            clock=lambda: datetime.now(UTC),
            new_attempt=lambda: uuid4().hex[:12],
            log=self.bench.world.lines.append,
        )

    def forward(self, *statements: str) -> Forwarded:
        if statements:
            self.database.run(*statements)
        return forward_once(self.work)

    def snapshot(self, rows: dict[tuple[str, int], str | None]) -> Watermark:
        """A snapshot that has these rows, and everything that was forwarded."""
        cut, epoch = self.database.position()
        return self.bench.snapshot(rows, [], cut, epoch=epoch)

    def compact(self, mark: Watermark, table: ChangedTable | None = None) -> Compaction:
        compactor = Compactor(lake=self.bench.world.gateways.lake, source="shop", log=self.bench.world.lines.append)
        return compactor.compact(self.bench.final(mark), compactor.versioned([table or self.table]))

    def live(self, mark: Watermark, cut: int) -> list[tuple[str | None, ...]]:
        """Key, value, and what was too large, as readers see them."""
        asked = "SELECT a, b, v, array_join(live_omitted, ',') FROM notes_live ORDER BY 1, 2"
        return self.bench.show(render_live("shop", self.table, mark, cut), asked)


@pytest.fixture(params=["postgres", "mysql"])
def way(request: pytest.FixtureRequest, world: World) -> Iterator[Way]:
    server = request.getfixturevalue("postgres" if request.param == "postgres" else "mariadb")
    database = Captured(server.create_database(f"way_{uuid4().hex[:8]}"))
    text = "longtext" if database.is_mysql else "text"
    database.run(f"CREATE TABLE notes (a varchar(20) NOT NULL, b bigint NOT NULL, v {text}, PRIMARY KEY (a, b))")
    if database.is_mysql:
        database.run(f"DROP DATABASE IF EXISTS {OWN_SCHEMA}")
    way = Way(database, Bench(world))
    way.install()
    yield way
    if database.is_mysql:
        database.run("DROP TABLE notes", f"DROP DATABASE {OWN_SCHEMA}")


def test_a_value_over_the_limit_is_null_with_its_name_no_drift_and_the_next_snapshot_has_it(way: Way) -> None:
    way.forward("INSERT INTO notes VALUES ('x', 1, 'small')")
    before = way.snapshot({("x", 1): "small"})
    done = way.forward(
        f"UPDATE notes SET v = repeat('v', {LARGE})", f"INSERT INTO notes VALUES ('y', 1, repeat('w', {LARGE}))"
    )
    assert (done.rows, done.warnings) == (2, ())
    assert way.compact(before).problems == ()
    assert way.live(before, 2) == [("x", "1", None, "v"), ("y", "1", None, "v")]
    asked = "SELECT a, change, old_v, new_v, array_join(omitted, ',') FROM notes_history WHERE cut = 2 ORDER BY seq"
    assert way.bench.show(render_history("shop", way.table, before.epoch, 2), asked) == [
        ("x", "update", None, None, "v"),
        ("y", "insert", None, None, "v"),
    ]
    after = way.snapshot({("x", 1): "v" * LARGE, ("y", 1): "w" * LARGE})
    assert way.bench.drift(before, after) == []
    assert way.live(after, 2) == [("x", "1", "v" * LARGE, None), ("y", "1", "w" * LARGE, None)]
    way.forward("UPDATE notes SET v = 'short' WHERE a = 'x'")
    way.forward("UPDATE notes SET v = 'shorter' WHERE a = 'x'")
    way.compact(after)
    assert way.live(after, 3)[0] == ("x", "1", None, "v"), "what it was before is too large for the change"
    assert way.live(after, 4)[0] == ("x", "1", "shorter", None)


@pytest.mark.exhaustive
def test_an_image_that_does_not_parse_is_named_and_the_next_change_of_its_row_is_right_again(way: Way) -> None:
    way.forward("INSERT INTO notes VALUES ('x', 1, '1'), ('y', 1, '1')")
    mark = way.snapshot({("x", 1): "1", ("y", 1): "1"})
    done = way.forward(
        "UPDATE notes SET v = '2'", "UPDATE rds_lake.outbox SET new_image = '{\"a\": ' WHERE new_image LIKE '%x%'"
    )
    assert "have values" in done.warnings[0]
    compaction = way.compact(mark)
    assert compaction.problems == ()
    assert {one.column for one in compaction.unparsed[way.target]} == {"new_image", "(key)"}
    assert way.live(mark, 2) == [("x", "1", "1", None), ("y", "1", "2", None)]
    way.forward("UPDATE notes SET v = '3' WHERE a = 'x'")
    way.compact(mark)
    assert way.live(mark, 3) == [("x", "1", "3", None), ("y", "1", "2", None)]


@pytest.mark.exhaustive
def test_a_clock_that_goes_backwards_changes_nothing_in_what_is_live(way: Way) -> None:
    mark = way.snapshot({})
    day = "INTERVAL 1 DAY" if way.database.is_mysql else "interval '1 day'"
    way.forward(
        "INSERT INTO notes VALUES ('x', 1, 'first')",
        "UPDATE notes SET v = 'second'",
        f"UPDATE rds_lake.outbox SET at = at - {day} WHERE op = 'U'",
    )
    way.compact(mark)
    assert way.live(mark, 1) == [("x", "1", "second", None)]


def test_a_restored_database_that_gives_its_ids_again_is_refused_until_a_new_epoch_begins(way: Way) -> None:
    way.forward("INSERT INTO notes VALUES ('x', 1, 'kept')")
    old = way.snapshot({("x", 1): "kept"})
    way.forward("INSERT INTO notes VALUES ('y', 1, 'lost by the restore')")
    way.compact(old)
    again = (
        "UPDATE rds_lake.outbox SET seq = 2"
        if way.database.is_mysql
        else (
            "UPDATE rds_lake.outbox SET xid = xid"  # its identity counts on; the position alone says it is older
        )
    )
    with pytest.raises(ManifestError, match="the database is older than what was forwarded, restored or a copy"):
        way.forward(
            "DELETE FROM notes WHERE a = 'y'", "DELETE FROM rds_lake.outbox", "UPDATE rds_lake.position SET cut = 1",
            "INSERT INTO notes VALUES ('z', 1, 'after it')", again,
        )  # fmt: skip
    assert way.live(old, 2) == [("x", "1", "kept", None), ("y", "1", "lost by the restore", None)]
    reset(way.work, new_epoch=uuid4().hex)
    new = way.snapshot({("x", 1): "kept"})
    assert way.forward().cut == 1
    way.compact(new)
    assert way.live(new, 1) == [("x", "1", "kept", None), ("z", "1", "after it", None)]


@pytest.mark.exhaustive
def test_two_forwarders_at_once_are_one_and_a_sentence(way: Way) -> None:
    mark = way.snapshot({})
    way.database.run("INSERT INTO notes VALUES ('x', 1, '1')")
    said: list[str] = []

    def second(line: str) -> None:
        if not said:
            said.append(line)
            with pytest.raises(OutboxBusyError, match="another process is forwarding"):
                forward_once(way.work)
            said.append("busy")

    assert forward_once(replace(way.work, log=second)).rows == 1
    assert said[-1] == "busy"
    way.compact(mark)
    assert way.live(mark, 1) == [("x", "1", "1", None)]


def test_a_forwarder_without_rights_says_which_it_needs_and_nothing_is_lost_until_it_has_them(way: Way) -> None:
    database, name = way.database, f"reader_{uuid4().hex[:6]}"
    mark = way.snapshot({})
    if database.is_mysql:
        database.run(f"CREATE USER {name} IDENTIFIED BY 'secret'", f"GRANT SELECT ON rds_lake.* TO {name}")
        refused, granted = "DELETE", f"GRANT SELECT, DELETE, UPDATE ON rds_lake.* TO {name}"
    else:
        database.run(f"CREATE USER {name} PASSWORD 'secret'", f"GRANT USAGE ON SCHEMA rds_lake TO {name}")
        refused, granted = "SELECT", f"GRANT SELECT, DELETE, UPDATE ON ALL TABLES IN SCHEMA rds_lake TO {name}"
    dsn = database.dsn
    scheme = "mysql" if database.is_mysql else "postgresql"
    way.reader = parse_dsn(f"{scheme}://{name}:secret@{dsn.host}:{dsn.port}/{dsn.database}", where="the test's")
    with pytest.raises(ConfigError, match=rf"it needs .*{refused}.* on rds_lake.outbox"):
        way.forward("INSERT INTO notes VALUES ('x', 1, 'waits')")
    database.run(granted)
    assert way.forward().rows == 1
    way.compact(mark)
    assert way.live(mark, 1) == [("x", "1", "waits", None)]
    if database.is_mysql:
        database.run(f"DROP USER {name}")


@pytest.mark.exhaustive
def test_ddl_while_capturing_loses_no_change_and_is_reported_with_what_to_run(way: Way) -> None:
    mark = way.snapshot({})
    way.forward("INSERT INTO notes VALUES ('x', 1, 'before')")
    way.forward(
        "ALTER TABLE notes ADD COLUMN w varchar(10)",
        "UPDATE notes SET v = 'while', w = 'not yet'",
        "INSERT INTO notes (a, b, v) VALUES ('y', 1, 'while')",
    )
    assert any("w" in line for line in differences(way.database.dsn, way.plan())), (
        "the triggers are to be generated anew"
    )
    way.compact(mark)
    assert way.live(mark, 2) == [("x", "1", "while", None), ("y", "1", "while", None)]
    way.install()
    assert differences(way.database.dsn, way.plan()) == ()
    way.forward("ALTER TABLE notes DROP COLUMN w", "UPDATE notes SET v = 'after' WHERE a = 'x'")
    assert way.compact(mark).problems == ()
    # A trigger of MySQL cannot look which columns there are: it names those that it could not read.
    found = ("x", "1", None, "v,w") if way.database.is_mysql else ("x", "1", "after", None)
    assert way.live(mark, 3) == [found, ("y", "1", "while", None)]
    way.install()
    way.forward("UPDATE notes SET v = 'later' WHERE a = 'x'")
    way.compact(mark)
    assert way.live(mark, 4) == [("x", "1", "later", None), ("y", "1", "while", None)]
