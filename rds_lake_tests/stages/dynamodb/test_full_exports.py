"""A DynamoDB source through all its stages: one instant, every item, names and types a query can use."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from rds_lake.errors import (
    ConversionError,
    ExportFailedError,
    NameCollisionError,
    SnapshotNotFoundError,
    UnavailableError,
)
from rds_lake.localcloud.dynamodb import export as dynamodb_export
from rds_lake.model.dynamodb.tables import TableExport
from rds_lake.stages.lake.handover import get_manifest
from rds_lake_tests.support.world import DynamoWorld, World, until

TODAY = datetime.now(UTC).date()
DAY = TODAY - timedelta(days=1)
MOMENT = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
REVIEWS: tuple[dict[str, Any], ...] = (
    {
        "id": {"S": "r1"},
        "stars": {"N": "5"},
        "price": {"N": "12345678901234567890.12"},
        "tags": {"L": [{"S": "new"}, {"S": "hot"}]},
        "author": {"M": {"name": {"S": "Ada"}, "address": {"M": {"city": {"S": "London"}}}}},
    },
    {"id": {"S": "r2"}, "stars": {"N": "4"}, "price": {"N": "0.5"}, "author": {"M": {"name": {"S": "Bob"}}}},
    {"id": {"S": "r3"}, "stars": {"N": "1"}, "mixed": {"N": "1"}},
    {"id": {"S": "r4"}, "stars": {"N": "1"}, "mixed": {"S": "one"}, "gone": {"NULL": True}},
)


@pytest.fixture
def dynamo(world: World) -> DynamoWorld:
    """Reviews and Users, recovered since three days before the date."""
    dynamo = world.of_dynamodb()
    dynamo.clock(MOMENT - timedelta(days=3))
    dynamo.create("Reviews", *REVIEWS)
    dynamo.create("Users", {"id": {"S": "u1"}, "Name": {"S": "Ada"}})
    dynamo.clock(None)
    return dynamo


def publish(dynamo: DynamoWorld, day: date = DAY) -> None:
    dynamo.world.publish(day.isoformat())


def test_nested_items_are_queried_by_their_attributes(dynamo: DynamoWorld) -> None:
    publish(dynamo)
    query = dynamo.world.query
    assert query("SELECT id, stars, price FROM reviews WHERE price IS NOT NULL ORDER BY id") == [
        ("r1", "5", "12345678901234567890.12"),
        ("r2", "4", "0.50"),
    ]
    assert query("SELECT author.name, author.address.city FROM reviews WHERE id = 'r1'") == [("Ada", "London")]
    assert query("SELECT tag FROM reviews CROSS JOIN UNNEST(tags) AS t(tag) ORDER BY tag") == [("hot",), ("new",)]
    assert query("SELECT mixed FROM reviews WHERE mixed IS NOT NULL ORDER BY id") == [("1",), ('"one"',)]
    assert query("SELECT name FROM users") == [("Ada",)]


def test_every_table_is_as_of_the_same_instant(dynamo: DynamoWorld) -> None:
    """Items written after the instant are in none of the tables."""
    dynamo.put("Reviews", {"id": {"S": "late"}})
    dynamo.put("Users", {"id": {"S": "late"}})
    publish(dynamo)
    for table, count in (("reviews", "4"), ("users", "1")):
        assert dynamo.world.query(f"SELECT count(*) FROM {table}") == [(count,)]
    times = {export["ExportTime"] for name in ("Reviews", "Users") for export in dynamo.exports(name)}
    assert times == {MOMENT}


def test_a_date_is_paid_once_however_often_it_is_materialized(dynamo: DynamoWorld) -> None:
    publish(dynamo)
    publish(dynamo)
    assert len(dynamo.exports("Reviews")) == 1
    assert dynamo.world.keys("exports/") == []


@pytest.mark.exhaustive
def test_a_lost_record_of_what_was_begun_costs_no_second_export(dynamo: DynamoWorld) -> None:
    run = dynamo.world.run()
    run.begin(DAY)
    dynamo.world.root.s3.delete("acme-lake", [f"lake/_manifests/reviews/{DAY}.begun.json"])
    publish(dynamo)
    assert len(dynamo.exports("Reviews")) == 1


@pytest.mark.exhaustive
def test_a_table_that_is_added_is_exported_as_of_the_same_instant_beside_the_others(dynamo: DynamoWorld) -> None:
    dynamo.world.with_source(tables=("Reviews",))
    publish(dynamo)
    dynamo.world.with_source(tables=("Reviews", "Users"))
    publish(dynamo)
    assert len(dynamo.exports("Reviews")) == 1
    assert dynamo.world.query("SELECT count(*) FROM reviews") == [("4",)]
    assert dynamo.world.query("SELECT count(*) FROM users") == [("1",)]


@pytest.mark.exhaustive
def test_a_failed_export_is_repeated_by_a_person_alone_and_only_for_its_table(dynamo: DynamoWorld) -> None:
    dynamo.break_next_export(fail="S3 said no", code="S3AccessDenied")
    with pytest.raises(ExportFailedError, match="S3AccessDenied: S3 said no"):
        publish(dynamo)
    publish(dynamo)
    assert sorted([len(dynamo.exports("Reviews")), len(dynamo.exports("Users"))]) == [1, 2]
    assert dynamo.world.query("SELECT count(*) FROM reviews") == [("4",)]


@pytest.mark.exhaustive
def test_a_missing_file_is_named(dynamo: DynamoWorld) -> None:
    dynamo.break_next_export(missing_file=True)
    (problem,) = [f.problem for f in dynamo.world.run().accept(DAY, poll_seconds=0.05).findings]
    assert "/data/" in problem and "does not exist" in problem


def test_a_damaged_file_is_named_and_nothing_is_published(dynamo: DynamoWorld) -> None:
    dynamo.break_next_export(damaged_file=True)
    run = dynamo.world.run()
    run.accept(DAY, poll_seconds=0.05)
    with pytest.raises(ConversionError, match=r"s3://acme-lake/exports/reviews-.*/data/"):
        run.relocate(DAY)
    assert f"lake/_manifests/reviews/{DAY}.json" not in dynamo.world.keys("lake/_manifests/")


def test_recovery_that_is_off_is_reported_for_all_tables_before_anything_is_started(dynamo: DynamoWorld) -> None:
    dynamo.recovery("Reviews", on=False)
    dynamo.recovery("Users", on=False)
    dynamo.recovery("Users", on=True)
    with pytest.raises(SnapshotNotFoundError) as caught:
        publish(dynamo)
    assert "Reviews: point-in-time recovery is off" in str(caught.value)
    assert "Users: its point-in-time recovery only reaches back to" in str(caught.value)
    assert dynamo.exports("Users") == []


def test_an_export_that_dynamodb_has_no_place_for_is_asked_for_once(
    dynamo: DynamoWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LimitExceededException: boto3 itself would repeat the call for most of a minute, as if it were throttled."""
    monkeypatch.setattr(dynamodb_export, "_QUOTA", 0)
    asked: list[str] = []
    events = dynamo.world.gateways.dynamodb._starting.meta.events
    name = "before-send.dynamodb.ExportTableToPointInTime"
    events.register(name, lambda **_: asked.append(name), unique_id="asked")
    try:
        assert dynamo.world.run().begin(DAY) is None
    finally:
        events.unregister(name, unique_id="asked")
    assert asked == [name]


@pytest.mark.exhaustive
def test_a_date_that_is_in_the_lake_needs_no_recovery_any_more(dynamo: DynamoWorld) -> None:
    publish(dynamo)
    dynamo.recovery("Reviews", on=False)
    publish(dynamo)
    assert dynamo.world.query("SELECT count(*) FROM reviews") == [("4",)]


@pytest.mark.exhaustive
def test_an_export_somebody_made_in_ion_is_named_and_not_adopted(
    dynamo: DynamoWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = dynamo.world.run()
    run.begin(DAY)
    dynamo.world.root.s3.delete("acme-lake", [f"lake/_manifests/reviews/{DAY}.begun.json"])
    real = dynamo.world.gateways.dynamodb.find_export

    def in_ion(arn: str) -> TableExport | None:
        found = real(arn)
        return replace(found, format="ION") if found and arn in theirs else found

    theirs = {one["ExportArn"] for one in dynamo.exports("Reviews")}
    monkeypatch.setattr(dynamo.world.gateways.dynamodb, "find_export", in_ion)
    dynamo.clock(datetime.now(UTC) + timedelta(hours=9))  # the token of the first one is forgotten by now
    publish(dynamo)
    (arn,) = theirs
    assert any(f"Reviews: the export {arn} of the same instant is in ION" in line for line in dynamo.world.lines)
    assert (len(dynamo.exports("Reviews")), len(dynamo.exports("Users"))) == (2, 1)


@pytest.mark.exhaustive
def test_a_manifest_of_an_export_in_ion_is_refused(dynamo: DynamoWorld) -> None:
    run = dynamo.world.run()
    run.begin(DAY)
    until(lambda: all(one["ExportStatus"] == "COMPLETED" for t in ("Reviews", "Users") for one in dynamo.exports(t)))
    s3, key = dynamo.world.gateways.s3, dynamo.exports("Users")[0]["ExportManifest"]
    s3.put_text("acme-lake", key, s3.get_text("acme-lake", key).replace("DYNAMODB_JSON", "ION"), kms_key=None)
    (problem,) = [finding.problem for finding in run.accept(DAY, poll_seconds=0.05).findings]
    assert problem == "Users: the manifest is of a full export as ION, and should be of a full one as DYNAMODB_JSON"


@pytest.mark.exhaustive
def test_every_date_of_the_window_can_be_had_later_and_none_before_it(world: World) -> None:
    dynamo = world.of_dynamodb("Old")
    dynamo.clock(MOMENT - timedelta(days=90))
    dynamo.create("Old", {"id": {"S": "1"}})
    dynamo.clock(MOMENT - timedelta(days=10, hours=-1))
    dynamo.put("Old", {"id": {"S": "2"}})
    dynamo.clock(None)
    for back, count in ((10, "1"), (9, "2")):
        publish(dynamo, DAY - timedelta(days=back))
        assert world.query("SELECT count(*) FROM old") == [(count,)]
    with pytest.raises(
        SnapshotNotFoundError, match=r"Old: its point-in-time recovery only reaches back to .* at most 35 days"
    ):
        publish(dynamo, DAY - timedelta(days=60))
    with pytest.raises(SnapshotNotFoundError, match="had no table at"):
        publish(dynamo, DAY - timedelta(days=100))


@pytest.mark.exhaustive
def test_a_date_that_is_yet_to_come_says_so(dynamo: DynamoWorld) -> None:
    with pytest.raises(SnapshotNotFoundError, match="in the future"):
        publish(dynamo, TODAY + timedelta(days=1))


@pytest.mark.exhaustive
def test_a_table_that_was_created_later_is_no_part_of_the_date(dynamo: DynamoWorld) -> None:
    dynamo.create("Orders")
    dynamo.world.with_source(tables=("*",))
    accepted = dynamo.world.run().accept(DAY, poll_seconds=0.05)
    assert [part.table for part in accepted.record.parts] == ["Reviews", "Users"]
    assert any("Orders was created after" in line for line in dynamo.world.lines)


@pytest.mark.exhaustive
def test_a_table_that_does_not_exist_is_named(dynamo: DynamoWorld) -> None:
    dynamo.world.with_source(tables=("Reviews", "Review", "User"))
    with pytest.raises(SnapshotNotFoundError) as caught:
        publish(dynamo)
    assert "Review:" in str(caught.value) and "User:" in str(caught.value)


@pytest.mark.exhaustive
def test_a_table_deleted_after_its_export_is_published_all_the_same(dynamo: DynamoWorld) -> None:
    run = dynamo.world.run()
    run.accept(DAY, poll_seconds=0.05)
    dynamo.client.delete_table(TableName="Users")
    publish(dynamo)
    assert dynamo.world.query("SELECT count(*) FROM users") == [("1",)]


@pytest.mark.exhaustive
def test_tables_whose_names_collide_say_what_to_add_to_lake_yaml(dynamo: DynamoWorld) -> None:
    dynamo.clock(MOMENT + timedelta(hours=30))
    dynamo.create("re.views")
    dynamo.create("re-views")
    dynamo.clock(MOMENT + timedelta(days=4))
    dynamo.world.with_source(tables=("re.views", "re-views"))
    run = dynamo.world.run(now=lambda: MOMENT + timedelta(days=4))
    day = DAY + timedelta(days=2)
    run.accept(day, poll_seconds=0.05)
    run.relocate(day)
    with pytest.raises(NameCollisionError, match=r"rename: \{'re.views': re_views_2\}"):
        run.shared.catalogue(day)


@pytest.mark.exhaustive
def test_attributes_with_names_of_sql_of_the_partition_and_of_no_alphabet_are_queried(dynamo: DynamoWorld) -> None:
    dynamo.clock(MOMENT + timedelta(hours=30))
    names = ("snapshot_date", "select", "a.b", "A_B", "😀")
    dynamo.create("Odd", {"id": {"S": "1"}} | {name: {"S": f"of {name}"} for name in names})
    dynamo.clock(MOMENT + timedelta(days=4))
    dynamo.world.with_source(tables=("Odd",))
    run, day = dynamo.world.run(now=lambda: MOMENT + timedelta(days=4)), DAY + timedelta(days=2)
    run.accept(day, poll_seconds=0.05)
    run.relocate(day)
    with pytest.raises(NameCollisionError, match=r"rename: \{'Odd.snapshot_date'"):
        run.shared.catalogue(day)
    dynamo.world.with_source(rename={"Odd.snapshot_date": "taken_on"})
    run = dynamo.world.run(now=lambda: MOMENT + timedelta(days=4))
    run.shared.catalogue(day)
    run.shared.publish(day, now=MOMENT + timedelta(days=4))
    assert dynamo.world.query('SELECT taken_on, "select" FROM odd') == [("of snapshot_date", "of select")]
    originals = {
        column.original_type or "": column.name
        for table in get_manifest(run.shared.lake.s3, run.shared.lake.layout, "reviews", day).tables
        for column in table.columns
    }
    for name in ("a.b", "A_B", "😀"):
        column = next(column for original, column in originals.items() if repr(name) in original)
        assert dynamo.world.query(f'SELECT "{column}" FROM odd') == [(f"of {name}",)]


def test_attributes_that_come_and_go_leave_every_date_readable_in_one_table(world: World) -> None:
    """A nested attribute appears on the second day, and another is gone on the third."""
    first = DAY - timedelta(days=2)
    dynamo = world.of_dynamodb("Days")
    for number, item in enumerate(
        [
            {"a": {"M": {"x": {"S": "1"}, "y": {"N": "1"}}}, "n": {"N": "1"}},
            {"a": {"M": {"x": {"S": "2"}, "y": {"N": "2"}, "z": {"L": [{"S": "new"}]}}}, "n": {"N": "2"}},
            {"a": {"M": {"z": {"L": [{"S": "3"}]}}}, "n": {"N": "3"}},
        ]
    ):
        dynamo.clock(datetime.combine(first + timedelta(days=number), time(), UTC) - timedelta(hours=1))
        if number == 0:
            dynamo.create("Days")
        dynamo.put("Days", {"id": {"S": "1"}} | item)
    dynamo.clock(None)
    for number in range(3):
        publish(dynamo, first + timedelta(days=number))
    assert world.query("SELECT n, a.x, a.y, a.z FROM snapshots_days ORDER BY n") == [
        ("1", "1", "1", None),
        ("2", "2", "2", "[new]"),
        ("3", None, None, "[3]"),
    ]
    assert world.query("SELECT a.x, a.z FROM days") == [(None, "[3]")]
    assert [t for t in world.gateways.glue.list_tables("reviews") if "__v" in t] == []


@pytest.mark.exhaustive
@pytest.mark.parametrize("form", ["parquet", "orc", "csv", "json"])
def test_a_source_without_athena_ends_with_files_of_its_format(dynamo: DynamoWorld, form: str) -> None:
    dynamo.world.with_source(format=form, athena=False, tables=("Reviews",))
    run = dynamo.world.run()
    run.accept(DAY, poll_seconds=0.05)
    manifest = run.relocate(DAY)
    assert manifest.rows == len(REVIEWS)
    assert [key for key in dynamo.world.keys("lake/reviews/Reviews/") if not key.endswith(f".{form}")] == []


@pytest.mark.exhaustive
def test_a_run_that_died_between_tables_converts_no_table_twice(
    dynamo: DynamoWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = dynamo.world.run()
    run.accept(DAY, poll_seconds=0.05)
    with monkeypatch.context() as broken:
        broken.setattr("rds_lake.stages.dynamodb.converting.convert.write_manifest", _dies)
        with pytest.raises(UnavailableError):
            run.relocate(DAY)
    before = dynamo.world.keys("lake/reviews/")
    assert run.relocate(DAY).rows == len(REVIEWS) + 1
    assert dynamo.world.keys("lake/reviews/") == before
    assert sum("already in the lake" in line for line in dynamo.world.lines) == 2


def _dies(*arguments: Any, **more: Any) -> None:
    raise UnavailableError("the machine is gone")


def test_a_date_in_the_lake_whose_export_record_was_deleted_can_be_made_again_for_nothing(dynamo: DynamoWorld) -> None:
    publish(dynamo)
    dynamo.world.root.s3.delete("acme-lake", [f"lake/_manifests/reviews/{DAY}.export.json"])
    publish(dynamo)
    assert len(dynamo.exports("Reviews")) == 1
    assert dynamo.world.query("SELECT count(*) FROM reviews") == [("4",)]
