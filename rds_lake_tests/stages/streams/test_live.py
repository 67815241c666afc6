"""Live rows and drift as SQL over real files: equal to a replay in Python, whatever the transactions, cuts and the snapshot did."""

import gzip
import io
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from rds_lake.model.streams.captured import CapturedColumn, CapturedTable
from rds_lake.model.streams.event import ChangeEvent
from rds_lake.model.streams.forwarded import EpochCuts
from rds_lake.model.tables.glue import PartitionSpec, TableSpec
from rds_lake.model.tables.names import AthenaTable
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake.sql.changes.drift import render_drift
from rds_lake.sql.changes.table import ChangedColumn, ChangedTable, Watermark
from rds_lake.sql.changes.views import render_changes, render_history, render_live
from rds_lake.stages.streams.compaction.compact import Compaction, Compactor
from rds_lake.stages.streams.cuts import forwarded
from rds_lake_tests.stages.streams.replay import History, Rows, histories
from rds_lake_tests.stages.streams.simple_capture import event, write_cut
from rds_lake_tests.support.world import World

_TYPES = {"string": pa.string(), "bigint": pa.int64()}
_COLUMNS = {
    "notes": (("a", "string"), ("b", "bigint"), ("v", "string")),
    "rds_lake_outbox": (("seq", "bigint"),),
    "rds_lake_position": (("cut", "bigint"), ("epoch", "string")),
}
TARGET = TableTarget(database="shop", schema="public", table="notes")
CAPTURED = CapturedTable(
    target=TARGET,
    columns=tuple(CapturedColumn(name=name, type="text") for name, _ in _COLUMNS["notes"]),
    key=("a", "b"),
)


def names(view: str) -> AthenaTable:
    target = TableTarget(database="shop", schema="public", table=view)
    return AthenaTable(target=target, view=view, columns=tuple((name, name) for name, _ in _COLUMNS[view]))


NOTES = ChangedTable(
    names=names("notes"),
    key=("a", "b"),
    columns=tuple(
        ChangedColumn(column=Column(name=name, hive_type=kind, original_type="text"), alias=name)
        for name, kind in _COLUMNS["notes"]
    ),
)


@dataclass(slots=True)
class Bench:
    """A database in Glue with a table, outbox and position; each `snapshot` is another date of them, each epoch another story."""

    world: World
    days: int = 0
    marks: list[Watermark] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.world.root.glue.ensure_database("shop", description="")
        for view, columns in _COLUMNS.items():
            spec = TableSpec(
                name=f"snapshots_{view}",
                columns=tuple((name, kind, "") for name, kind in columns),
                partition_keys=(("snapshot_date", "string"),),
                location=f"s3://acme-lake/bench/{view}/",
                description="",
            )
            self.world.root.glue.create_table("shop", spec)

    def snapshot(self, rows: Rows, outbox: Sequence[int], position: int, *, epoch: str | None = None) -> Watermark:
        self.days += 1
        day = date(2026, 1, 1) + timedelta(days=self.days)
        epoch = epoch or f"epoch-{self.days}"
        self._put("notes", day, [[a, b, v] for (a, b), v in rows.items()])
        self._put("rds_lake_outbox", day, [[seq] for seq in outbox])
        self._put("rds_lake_position", day, [[position, epoch]])
        return Watermark(
            day=day,
            epoch=epoch,
            cut=position,
            position=names("rds_lake_position"),
            outbox=names("rds_lake_outbox"),
        )

    def _put(self, view: str, day: date, rows: Sequence[Sequence[object]]) -> None:
        columns = _COLUMNS[view]
        arrays = [pa.array([row[at] for row in rows], _TYPES[kind]) for at, (_, kind) in enumerate(columns)]
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_arrays(arrays, [name for name, _ in columns]), buffer)
        folder = f"bench/{view}/{day}/"
        self.world.root.s3.put_bytes("acme-lake", f"{folder}0.parquet", buffer.getvalue(), kms_key=None)
        spec = PartitionSpec(
            values=(day.isoformat(),),
            location=f"s3://acme-lake/{folder}",
            columns=tuple((name, kind, "") for name, kind in columns),
        )
        self.world.root.glue.create_partitions("shop", f"snapshots_{view}", [spec])

    def cuts(self, mark: Watermark, cuts: Sequence[Sequence[ChangeEvent]], *, first: int = 1) -> None:
        for number, events in enumerate(cuts, start=first):
            write_cut(self.world.root.lake, mark.epoch, number, [(CAPTURED, events)])

    def compact(self, mark: Watermark) -> Compaction:
        compactor = Compactor(lake=self.world.gateways.lake, source="shop", log=self.world.lines.append)
        return compactor.compact(self.final(mark), compactor.versioned([NOTES]))

    def final(self, mark: Watermark) -> EpochCuts:
        """The cuts of the mark's epoch."""
        (record,) = forwarded(self.world.gateways.lake, "shop")
        found = record.find(mark.epoch)
        assert found is not None
        return found

    def live(self, mark: Watermark, *cuts: int, table: ChangedTable = NOTES) -> list[Rows]:
        """The rows that the live view has at each of the cuts, asked for in one statement."""
        selects = [render_live("shop", table, mark, cut).split("AS\n", 1)[1] for cut in cuts]
        each = [f"SELECT {at}, a, b, v FROM (\n{select}\n) one" for at, select in enumerate(selects)]
        states: list[Rows] = [{} for _ in cuts]
        for at, a, b, v in self.world.query("\nUNION ALL ".join(each)):
            state, key = states[int(str(at))], (str(a), int(str(b)))
            assert key not in state, "a key has two rows"
            state[key] = v
        return states

    def drift(self, before: Watermark, after: Watermark) -> list[tuple[str | None, ...]]:
        """What the later snapshot has that is not predicted."""
        raw = (NOTES.names.raw, NOTES.names.partition_key)
        return self.world.query(
            render_drift("shop", NOTES, before, after, compared=NOTES.columns, found_raw=raw, most=2)
        )

    def show(self, statement: str, query: str) -> list[tuple[str | None, ...]]:
        """The answer of a view that is made for it."""
        self.world.query(statement)
        return self.world.query(query)


@pytest.fixture
def bench(world: World) -> Bench:
    return Bench(world)


@pytest.mark.exhaustive
@settings(max_examples=5, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(histories())
def test_live_is_the_table_as_it_was_at_the_cut(bench: Bench, history: History) -> None:
    mark = bench.snapshot(history.snapshot, history.in_outbox, history.position)
    bench.cuts(mark, history.cuts)
    done = bench.compact(mark)
    assert (done.problems, done.until) == ((), len(history.cuts))
    cuts = [history.position, *range(history.position + 1, len(history.cuts) + 1)][-3:]
    expected = [history.snapshot if cut == history.position else history.states[cut - 1] for cut in cuts]
    assert bench.live(mark, *cuts) == expected
    rows, outbox, position = history.later
    assert bench.drift(mark, bench.snapshot(rows, outbox, position, epoch=mark.epoch)) == []


def test_a_change_that_was_committed_after_the_snapshot_counts_though_later_numbers_are_inside(bench: Bench) -> None:
    mark = bench.snapshot({("y", 1): "2"}, [2], 0)
    bench.cuts(mark, [[event(1, "I", None, row("x", 1, "late")), event(2, "I", None, row("y", 1, "2"))]])
    bench.compact(mark)
    assert bench.live(mark, 1) == [{("x", 1): "late", ("y", 1): "2"}]


@pytest.mark.exhaustive
def test_drift_does_not_expect_a_change_that_was_committed_after_the_later_snapshot(bench: Bench) -> None:
    before = bench.snapshot({}, [], 0)
    bench.cuts(before, [[event(1, "I", None, row("x", 1, "late")), event(2, "I", None, row("y", 1, "2"))]])
    bench.compact(before)
    after = bench.snapshot({("y", 1): "2"}, [2], 0, epoch=before.epoch)
    assert bench.drift(before, after) == []


@pytest.mark.exhaustive
def test_a_change_in_the_snapshots_outbox_does_not_bring_an_older_one_of_its_key_back(bench: Bench) -> None:
    mark = bench.snapshot({("x", 1): "2"}, [2], 1)
    bench.cuts(mark, [[event(1, "I", None, row("x", 1, "1"))], [event(2, "U", row("x", 1, "1"), row("x", 1, "2"))]])
    bench.compact(mark)
    assert bench.live(mark, 1, 2) == [{("x", 1): "2"}] * 2


@pytest.mark.exhaustive
def test_a_row_that_takes_another_key_leaves_none_under_its_old_one(bench: Bench) -> None:
    mark = bench.snapshot({("x", 1): "1", ("x", 2): "2"}, [], 0)
    moved = [event(1, "U", row("x", 2, "2"), row("y", 3, "2")), event(2, "U", row("x", 1, "1"), row("x", 2, "1"))]
    bench.cuts(mark, [moved])
    bench.compact(mark)
    assert bench.live(mark, 1) == [{("y", 3): "2", ("x", 2): "1"}]


def row(a: str, b: int, v: str | None) -> dict[str, str | None]:
    return {"a": a, "b": str(b), "v": v}


@pytest.mark.exhaustive
def test_a_truncate_ends_the_rows_of_the_snapshot_and_all_older_images(bench: Bench) -> None:
    mark = bench.snapshot({("x", 1): "old", ("x", 2): "old"}, [], 0)
    bench.cuts(
        mark,
        [
            [event(1, "U", row("x", 1, "old"), row("x", 1, "new")), event(2, "T", None, None)],
            [event(3, "I", None, row("x", 2, "again"))],
        ],
    )
    bench.compact(mark)
    assert bench.live(mark, 1, 2) == [{}, {("x", 2): "again"}]


@pytest.mark.exhaustive
def test_changes_that_a_killed_forwarder_brought_twice_count_once_and_others_under_their_number_are_an_alarm(
    bench: Bench,
) -> None:
    mark = bench.snapshot({}, [], 0)
    first, second = event(1, "I", None, row("x", 1, "1")), event(2, "U", row("x", 1, "1"), row("x", 1, "2"))
    bench.cuts(mark, [[first], [first, second]])
    assert bench.compact(mark).rows == 2
    assert bench.show(
        render_changes("shop", NOTES), "SELECT cut, seq, op, old_v, new_v FROM changes_notes ORDER BY 2"
    ) == [
        ("1", "1", "I", None, "1"),
        ("2", "2", "U", "1", "2"),
    ]
    bench.cuts(mark, [[event(2, "I", None, row("y", 1, "other"))]], first=3)
    done = bench.compact(mark)
    assert done.until == 2
    assert "change 2 of shop.public.notes is in cut 2, and with other content in cut 3" in done.problems[0]
    assert "rds-lake streams reset shop" in done.problems[0]


@pytest.mark.exhaustive
def test_a_new_epoch_begins_with_its_own_snapshot_and_numbers(bench: Bench) -> None:
    before = bench.snapshot({("x", 1): "1"}, [], 0)
    bench.cuts(before, [[event(1, "U", row("x", 1, "1"), row("x", 1, "lost by the restore"))]])
    after = bench.snapshot({("x", 1): "1"}, [1], 0)
    bench.cuts(after, [[event(1, "I", None, row("x", 2, "inside"))], [event(2, "I", None, row("x", 3, "2"))]])
    bench.compact(before)
    bench.compact(after)
    assert bench.live(after, 2) == [{("x", 1): "1", ("x", 3): "2"}]
    shown = bench.show(render_history("shop", NOTES, after.epoch, 1), "SELECT epoch, cut FROM notes_history")
    assert sorted(shown) == sorted([(before.epoch, "1"), (after.epoch, "1")])


def test_history_says_what_changed_from_what_to_what(bench: Bench) -> None:
    mark = bench.snapshot({}, [], 0)
    bench.cuts(mark, [[event(7, "I", None, row("x", 1, None)), event(8, "U", row("x", 1, None), row("x", 2, "v"))]])
    bench.compact(mark)
    asked = (
        "SELECT a, b, change, array_join(changed, ','), changed_at, transaction_id, old_b, new_b, old_v, new_v "
        "FROM notes_history ORDER BY seq"
    )
    assert bench.show(render_history("shop", NOTES, mark.epoch, 1), asked) == [
        ("x", "1", "insert", None, "2026-11-20 04:00:00.000", "7", None, "1", None, None),
        ("x", "2", "update", "b,v", "2026-11-20 04:00:00.000", "8", "1", "2", None, "v"),
    ]


def test_drift_names_rows_that_no_change_explains_and_counts_those_it_does_not_name(bench: Bench) -> None:
    before = bench.snapshot({("x", 1): "1", ("x", 2): "2", ("y'", 1): None}, [], 0)
    bench.cuts(before, [[event(1, "U", row("x", 1, "1"), {"a": "x", "b": "1"}, "v")], [event(2, "T", None, None)]])
    bench.compact(before)
    found = {("x", 1): "large", ("y'", 1): "", ("z", 1): None, ("z", 2): None, ("z", 3): None}
    after = bench.snapshot(found, [], 1, epoch=before.epoch)
    drift = bench.drift(before, after)
    assert [found[:3] for found in drift] == [
        ("different", "1", "a=y', b=1"),
        ("extra", "3", "a=z, b=1"),
        ("extra", "3", "a=z, b=2"),
        ("missing", "1", "a=x, b=2"),
    ]
    assert drift[0][3] == "v"


@pytest.mark.exhaustive
def test_a_value_that_was_too_large_to_be_captured_is_null_and_named(bench: Bench) -> None:
    mark = bench.snapshot({("x", 1): "small"}, [], 0)
    large = {"a": "x", "b": "1"}
    bench.cuts(mark, [[event(1, "U", row("x", 1, "small"), large, "v")]])
    bench.compact(mark)
    asked = "SELECT a, v, live_cut, array_join(live_omitted, ',') FROM notes_live"
    assert bench.show(render_live("shop", NOTES, mark, 1), asked) == [("x", None, "1", "v")]


@pytest.mark.exhaustive
def test_values_that_are_none_of_their_type_are_counted_and_named(bench: Bench) -> None:
    mark = bench.snapshot({}, [], 0)
    wrong = {"a": "x", "b": "many", "v": "1", "w": "?"}
    bench.cuts(mark, [[event(4, "I", None, row("x", 1, "1")), event(5, "U", row("x", 1, "1"), wrong)]])
    ((target, unparsed),) = bench.compact(mark).unparsed.items()
    assert target == TARGET
    assert [(one.column, one.count, one.seq) for one in unparsed] == [("b", 1, 5), ("w", 1, 5)]


@pytest.mark.exhaustive
def test_a_table_whose_type_changed_is_compacted_anew_from_its_cuts(bench: Bench) -> None:
    mark = bench.snapshot({}, [], 0)
    bench.cuts(mark, [[event(1, "I", None, row("x", 1, "12"))]])
    bench.compact(mark)
    number = replace(NOTES.columns[2], column=Column(name="v", hive_type="bigint"))
    retyped = replace(NOTES, columns=(*NOTES.columns[:2], number))
    compactor = Compactor(lake=bench.world.gateways.lake, source="shop", log=bench.world.lines.append)
    (settled,) = compactor.versioned([retyped])
    assert settled.raw == "raw_changes_notes__v2"
    assert compactor.compact(bench.final(mark), [settled]).rows == 1
    assert bench.show(render_changes("shop", settled), "SELECT new_v + 1 FROM changes_notes") == [("13",)]


def test_a_cut_whose_file_is_damaged_holds_its_table_back_and_says_so(bench: Bench) -> None:
    mark = bench.snapshot({}, [], 0)
    bench.cuts(mark, [[event(1, "I", None, row("x", 1, "1"))]])
    s3 = bench.world.root.s3
    (key,) = [key for key in bench.world.keys("lake/_changes/") if key.endswith(".gz")]
    s3.put_bytes("acme-lake", key, gzip.compress(b'{"seq": 1}\n'), kms_key=None)
    done = bench.compact(mark)
    assert (done.until, done.rows) == (0, 0)
    assert "line 1 of" in done.problems[0]
    assert bench.live(mark, done.until) == [{}]
