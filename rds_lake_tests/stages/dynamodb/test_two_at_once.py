"""Two runs of one date of DynamoDB at once, and deleted files: no row is lost, and no export is paid for twice."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.config.shared import Retention
from rds_lake.convert.rules.tree import Limits
from rds_lake.errors import LostFilesError, RdsLakeError, UnavailableError
from rds_lake.model.dynamodb.chain import Base, Chain, Window
from rds_lake.model.dynamodb.export_set import BegunSet, merge_begun
from rds_lake.model.dynamodb.glue_runs import TableJob, merge_jobs
from rds_lake.stages.dynamodb.records import TableRecords
from rds_lake.stages.lake.handover import get_manifest
from rds_lake.stages.lake.intact import missing_files
from rds_lake.stages.lake.shared_state import change_text
from rds_lake.stages.upkeep.folders import Exports
from rds_lake.stages.upkeep.orphan import Orphan, remove_orphan
from rds_lake.stages.upkeep.orphans import find_orphans
from rds_lake.stages.upkeep.retention import Removed, apply_retention, busy_by_marks, plan_retention
from rds_lake_tests.support.meanwhile import before_call
from rds_lake_tests.support.world import DynamoWorld, World

DAY = (datetime.now(UTC) - timedelta(days=1)).date()
MOMENT = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
MANIFEST = f"lake/_manifests/reviews/{DAY}.json"


@pytest.fixture
def dynamo(world: World) -> DynamoWorld:
    """Three reviews and a user, as of the date."""
    dynamo = world.of_dynamodb()
    dynamo.clock(MOMENT - timedelta(days=3))
    dynamo.create("Reviews", *({"id": {"S": str(number)}, "stars": {"N": "5"}} for number in range(3)))
    dynamo.create("Users", {"id": {"S": "u1"}})
    dynamo.clock(None)
    return dynamo


def files(world: World) -> list[str]:
    """The keys that the manifest names."""
    layout = world.gateways.layout
    tables = get_manifest(world.gateways.s3, layout, "reviews", DAY).tables
    return sorted(file.key for table in tables for file in table.files)


def require_all_rows(world: World) -> None:
    for table, count in (("reviews", "3"), ("users", "1")):
        assert world.query(f"SELECT count(*), count(DISTINCT id) FROM {table}") == [(count, count)]
    assert set(files(world)) <= set(world.keys("lake/reviews/"))


@pytest.mark.parametrize(
    "moment",
    ["/lake/reviews/Reviews/", ".Reviews.table", "/lake/reviews/Users/", "_schemas/Users", f"reviews/{DAY}.json"],
)
def test_a_conversion_beside_one_that_was_faster_leaves_its_rows_to_readers(dynamo: DynamoWorld, moment: str) -> None:
    """The first run does everything, publishing included, just before a write of the second."""
    world = dynamo.world
    second = world.run()
    second.accept(DAY, poll_seconds=0.05)
    with before_call(world, "PutObject", moment, lambda: world.publish(str(DAY))) as met:
        second.relocate(DAY)
    assert met
    require_all_rows(world)
    assert world.keys("lake/reviews/") == files(world), "what the second made itself, it removed"
    second.shared.catalogue(DAY)
    second.shared.publish(DAY, now=datetime.now(UTC))
    require_all_rows(world)
    assert [len(dynamo.exports(name)) for name in ("Reviews", "Users")] == [1, 1]


@pytest.mark.exhaustive
def test_publishing_a_date_leaves_alone_what_another_run_is_writing(dynamo: DynamoWorld) -> None:
    world, written = dynamo.world, list[str]()
    second = world.run()
    second.accept(DAY, poll_seconds=0.05)

    def publish() -> None:
        written.extend(key for key in world.keys("lake/reviews/Reviews/"))
        world.publish(str(DAY))
        assert set(written) <= set(world.keys("lake/reviews/"))

    with before_call(world, "PutObject", ".Reviews.table", publish):
        second.relocate(DAY)
    assert written
    require_all_rows(world)


def dead_attempt(dynamo: DynamoWorld) -> list[str]:
    """The keys left by a run that died after it had written a table and before it recorded that."""
    world, run = dynamo.world, dynamo.world.run()
    run.accept(DAY, poll_seconds=0.05)

    def die() -> None:
        raise SystemExit

    with before_call(world, "PutObject", ".Reviews.table", die), pytest.raises(SystemExit):
        run.relocate(DAY)
    return world.keys("lake/reviews/")


def orphans(world: World, *, hours: float) -> list[Orphan]:
    """The orphans among the lake's files that upkeep finds so many hours from now."""
    lake, now = world.gateways.lake, datetime.now(UTC) + timedelta(hours=hours)
    exports = Exports.read(world.config, world.gateways.rds, world.gateways.s3)
    busy = busy_by_marks(lake.s3, lake.layout, "reviews", now=now)
    source, rds = world.config.sources[0], world.gateways.rds
    found = find_orphans(world.config, source, exports, rds=rds, lake=lake, now=now, busy=busy)
    return [one for one in found if one.kind in ("generation", "unfinished")]


@pytest.mark.exhaustive
def test_what_a_run_that_died_left_is_found_a_day_later_and_removed_with_nothing_beside_it(
    dynamo: DynamoWorld,
) -> None:
    world, left = dynamo.world, dead_attempt(dynamo)
    assert len(left) == 1
    (orphan,) = orphans(world, hours=25)
    assert (orphan.kind, orphan.removable, left[0].startswith(orphan.key)) == ("unfinished", True, True)
    world.publish(str(DAY))
    assert orphans(world, hours=23) == []
    (orphan,) = orphans(world, hours=25)
    assert orphan.kind == "generation" and "another attempt" in orphan.why
    remove_orphan(world.gateways.lake, orphan)
    assert world.keys("lake/reviews/") == files(world)
    require_all_rows(world)


@pytest.mark.exhaustive
def test_a_table_that_is_finished_is_no_orphan_while_the_others_are_not(dynamo: DynamoWorld) -> None:
    world, run = dynamo.world, dynamo.world.run()
    run.accept(DAY, poll_seconds=0.05)

    def die() -> None:
        raise UnavailableError("the machine is gone")

    with before_call(world, "PutObject", ".Users.table", die), pytest.raises(UnavailableError):
        run.relocate(DAY)
    finished = [key for key in world.keys("lake/reviews/") if "/Reviews/" in key]
    found = orphans(world, hours=25)
    assert not any(key.startswith(one.key) for key in finished for one in found)
    for one in found:
        remove_orphan(world.gateways.lake, one)
    world.publish(str(DAY))
    assert set(finished) <= set(files(world))
    require_all_rows(world)


def lose(world: World, table: str) -> None:
    world.root.s3.delete("acme-lake", world.keys(f"lake/reviews/{table}/"))


def test_lost_files_are_made_again_from_dynamodbs_copy(dynamo: DynamoWorld) -> None:
    world = dynamo.world
    world.with_source(keep_export=True)
    world.publish(str(DAY))
    users = world.keys("lake/reviews/Users/")
    lose(world, "Reviews")
    world.publish(str(DAY))
    require_all_rows(world)
    assert world.keys("lake/reviews/Users/") == users, "what is there is not made again"
    assert [len(dynamo.exports(name)) for name in ("Reviews", "Users")] == [1, 1]


@pytest.mark.exhaustive
def test_lost_files_are_named_and_the_table_alone_is_exported_again_when_dynamodbs_copy_is_gone(
    dynamo: DynamoWorld,
) -> None:
    world = dynamo.world
    world.publish(str(DAY))
    dynamo.put("Reviews", {"id": {"S": "of today"}})
    gone = world.keys("lake/reviews/Reviews/")
    lose(world, "Reviews")
    with pytest.raises(LostFilesError, match="materialize the date from `snapshot_export` on") as caught:
        world.run().relocate(DAY)
    assert all(key in str(caught.value) for key in gone)
    world.publish(str(DAY))
    require_all_rows(world)
    assert [len(dynamo.exports(name)) for name in ("Reviews", "Users")] == [2, 1]


@pytest.mark.exhaustive
def test_a_finished_table_whose_files_were_lost_is_converted_again(dynamo: DynamoWorld) -> None:
    world, run = dynamo.world, dynamo.world.run()
    run.accept(DAY, poll_seconds=0.05)
    run.relocate(DAY)
    world.root.s3.delete("acme-lake", [MANIFEST, *world.keys("lake/reviews/Users/")])
    world.publish(str(DAY))
    require_all_rows(world)


@pytest.mark.exhaustive
def test_a_date_is_not_given_up_while_its_lost_files_are_made_again(dynamo: DynamoWorld) -> None:
    """Otherwise its manifest would name files that retention has just removed."""
    world, older = dynamo.world, DAY - timedelta(days=1)
    world.with_source(keep_export=True, retention=Retention(daily=1, weekly=0, monthly=0))
    for day in (older, DAY):
        world.publish(str(day))
    s3, layout, removed = world.gateways.s3, world.gateways.layout, list[Removed]()
    s3.delete("acme-lake", [key for key in world.keys("lake/reviews/Users/") if f"={older}/" in key])

    def retain() -> None:
        lake = world.run().shared.lake
        plan = plan_retention(lake, world.config.sources[0], today=DAY, busy=())
        assert [one.snapshot_date for one in plan.removals] == [older]
        removed.append(apply_retention(lake, plan, busy=lambda: (), log=world.lines.append))

    with before_call(world, "PutObject", ".Users.table", retain):
        world.run().relocate(older)
    assert [one.dates for one in removed] == [()]
    assert missing_files(s3, get_manifest(s3, layout, "reviews", older)) == ()
    retain()
    assert removed[-1].dates == (older,)


@pytest.mark.exhaustive
@pytest.mark.parametrize("operation", ["HeadObject", "GetObject"])
def test_an_export_whose_copy_goes_while_a_run_looks_is_neither_an_error_nor_paid_for_again(
    dynamo: DynamoWorld, operation: str
) -> None:
    """Another run publishes, and so deletes DynamoDB's copy, after this one has found no manifest."""
    world = dynamo.world
    world.run().accept(DAY, poll_seconds=0.05)
    with before_call(world, operation, "manifest-summary.json", lambda: world.publish(str(DAY))) as met:
        accepted = world.run().accept(DAY, poll_seconds=0.05)
    assert met and accepted.findings == ()
    assert [len(dynamo.exports(name)) for name in ("Reviews", "Users")] == [1, 1]


@pytest.mark.exhaustive
def test_whether_an_export_is_there_is_asked_without_listing_its_files(dynamo: DynamoWorld) -> None:
    """A table of a million files has a thousand pages of them."""
    world = dynamo.world
    world.run().accept(DAY, poll_seconds=0.05)
    with before_call(world, "ListObjectsV2", "exports/", lambda: None) as met:
        world.run().begin(DAY)
    assert met == []


def schema_of(attribute: str) -> dict[str, Any]:
    return {"plain": [], "fields": {attribute: {"plain": ["S"]}}}


@pytest.mark.exhaustive
def test_attributes_that_two_dates_saw_at_the_same_time_are_both_remembered(world: World) -> None:
    layout, s3 = world.gateways.layout, world.gateways.s3
    records = TableRecords(s3=s3, layout=layout, source="reviews", kms_key=None)

    def other() -> None:
        records.add_schema("T", schema_of("theirs"), Limits())

    with before_call(world, "PutObject", "_schemas/T.json", other):
        records.add_schema("T", schema_of("mine"), Limits())
    known = records.find_schema("T")
    assert known is not None and set(known["fields"]) == {"mine", "theirs"}


@pytest.mark.exhaustive
def test_an_export_that_another_run_started_meanwhile_is_not_forgotten(dynamo: DynamoWorld) -> None:
    exports: Any = dynamo.world.run()
    exports = exports.exports
    mine = BegunSet(moment=MOMENT, tables={"Reviews": "arn:mine", "Users": None})
    theirs = BegunSet(moment=MOMENT, tables={"Reviews": None, "Users": "arn:theirs", "Orders": "arn:paid"})
    with before_call(
        dynamo.world, "PutObject", ".begun.json", lambda: exports.record_begun(DAY, theirs, read=None)
    ) as met:
        found = exports.record_begun(DAY, mine, read=None)
    assert met
    assert found.tables == {"Reviews": "arn:mine", "Users": "arn:theirs", "Orders": "arn:paid"}
    assert exports.find_begun(DAY) == found


WINDOW = Window(start=MOMENT - timedelta(days=1), end=MOMENT)
BASE = Base(day=DAY - timedelta(days=1), export_task="t", moment=WINDOW.start, keys=("id",))
EXPORTS = st.one_of(st.none(), st.sampled_from(["arn:1", "arn:2", "arn:3"]))
CHAINS = st.builds(lambda arn: Chain(base=BASE, windows=(WINDOW,), exports=(arn,)), EXPORTS)
WANTED = st.dictionaries(st.sampled_from("abc"), st.one_of(EXPORTS, CHAINS))


def begun(wanted: dict[str, str | Chain | None]) -> BegunSet:
    return BegunSet(
        moment=MOMENT,
        tables={name: one for name, one in wanted.items() if not isinstance(one, Chain)},
        chains={name: one for name, one in wanted.items() if isinstance(one, Chain)},
    )


@given(mine=WANTED, theirs=WANTED, read=st.one_of(st.none(), WANTED))
def test_no_table_is_wanted_twice_and_no_export_that_one_run_started_is_forgotten(
    mine: dict[str, str | Chain | None],
    theirs: dict[str, str | Chain | None],
    read: dict[str, str | Chain | None] | None,
) -> None:
    before = None if read is None else begun(read)
    found = merge_begun(begun(mine), begun(theirs), read=before)
    assert not set(found.tables) & set(found.chains)
    known = read or {}
    for name in "abc":
        one, other, was = (wanted.get(name, "absent") for wanted in (mine, theirs, known))
        kept = found.tables.get(name, found.chains.get(name, "absent"))
        if one == was:
            assert kept == other
        if other == was:
            assert kept == one
        if one != was and other != was and None in (one, other) and isinstance(one or other, str):
            assert kept == (one or other) or "absent" in (one, other)


JOBS = st.builds(TableJob, attempt=st.integers(1, 3), run=st.one_of(st.none(), st.sampled_from(["jr_1", "jr_2"])))


@given(mine=st.dictionaries(st.sampled_from("ab"), JOBS), theirs=st.dictionaries(st.sampled_from("abc"), JOBS))
def test_no_run_of_glue_that_either_of_two_runs_began_is_forgotten(
    mine: dict[str, TableJob], theirs: dict[str, TableJob]
) -> None:
    found = merge_jobs(mine, theirs)
    assert set(found) == set(mine), "tables that are converted are no longer in it"
    for name, job in found.items():
        of_both = [mine[name], *([theirs[name]] if name in theirs else [])]
        assert job in of_both
        latest = max(one.attempt for one in of_both)
        assert job.attempt == latest
        assert job.run is not None or not any(one.run for one in of_both if one.attempt == latest)


@pytest.mark.parametrize("present", [None, "old"])
def test_of_two_changes_at_once_both_are_kept(world: World, present: str | None) -> None:
    s3 = world.gateways.s3
    if present:
        s3.put_text("acme-lake", "lake/x", present, kms_key=None)

    def adding(word: str) -> Callable[[str | None], str]:
        return lambda text: f"{text or ''} {word}"

    def other() -> None:
        change_text(s3, "acme-lake", "lake/x", adding("theirs"), kms_key=None)

    with before_call(world, "PutObject", "lake/x", other):
        found = change_text(s3, "acme-lake", "lake/x", adding("mine"), kms_key=None, sleep=lambda _: None)
    assert found == s3.get_text("acme-lake", "lake/x") == f"{present or ''} theirs mine"


@pytest.mark.exhaustive
def test_a_change_that_is_refused_writes_nothing(world: World) -> None:
    def change(_: str | None) -> str:
        raise RdsLakeError("no")

    with pytest.raises(RdsLakeError):
        change_text(world.gateways.s3, "acme-lake", "lake/x", change, kms_key=None)
    assert world.keys("lake/x") == []
