"""An incremental DynamoDB source: each date is the one before plus the changes, and equals a full export item by item."""

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pyarrow.parquet as pq
import pytest

from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.defs import metadata
from rds_lake.errors import AwsError, ConversionError, ExportFailedError, FullExportBegunError, RdsLakeError
from rds_lake.model.lake.manifest import Manifest
from rds_lake.stages.dynamodb.run import DynamoRun
from rds_lake.stages.lake import handover
from rds_lake.stages.publish.cleanup import after_publish
from rds_lake_tests.support.door import Call, Door, open_door
from rds_lake_tests.support.meanwhile import before_call
from rds_lake_tests.support.world import DynamoWorld, World

TODAY = datetime.now(UTC).date()
FIRST = TODAY - timedelta(days=20)
SECOND, THIRD = FIRST + timedelta(days=1), FIRST + timedelta(days=2)
HOUR = timedelta(hours=1)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def item(name: str, **attributes: Any) -> dict[str, Any]:
    return {"id": {"S": name}} | attributes


@pytest.fixture
def dynamo(world: World) -> DynamoWorld:
    """Reviews and Users, created before the first date; in the night after it the reviews change in all sorts of ways."""
    dynamo = world.of_dynamodb(incremental=True)
    dynamo.clock(midnight(FIRST) - 5 * HOUR)
    stars = {name: item(name, stars={"N": "1"}) for name in ("same", "changed", "deleted", "replaced")}
    dynamo.create("Reviews", *stars.values())
    dynamo.create("Users", item("ada"))
    dynamo.clock(midnight(FIRST) + HOUR)
    dynamo.put("Reviews", item("changed", stars={"N": "2"}))
    dynamo.delete("Reviews", "deleted", "replaced")
    dynamo.put("Reviews", item("replaced", stars={"N": "9"}), item("new", stars={"N": "4"}), item("brief"))
    dynamo.delete("Reviews", "brief")
    return dynamo


AT_SECOND = {"changed": 2, "new": 4, "replaced": 9, "same": 1}


def convert(dynamo: DynamoWorld, day: date, *, hours: float = 1, **source: Any) -> Manifest:
    """The date's manifest, made by hand some hours after its instant."""
    dynamo.world.with_source(**source)
    later(dynamo, midnight(day) + hours * HOUR)
    run = dynamo.world.run()
    assert not [finding for finding in run.accept(day, poll_seconds=0.05).findings if finding.severity == "error"]
    return made(run, day)


def made(run: DynamoRun, day: date) -> Manifest:
    manifest = run.convert_or_export_again(day, run_kind="by_hand", poll_seconds=0.05)
    assert isinstance(manifest, Manifest)
    return manifest


def later(dynamo: DynamoWorld, moment: datetime) -> None:
    """Set the cloud's clock to this time, unless it is later already."""
    if dynamo.world.cloud.clock.now() < moment.timestamp() * 1_000_000:
        dynamo.clock(moment)


def content(dynamo: DynamoWorld, manifest: Manifest, table: str = "Reviews") -> dict[str, dict[str, Any]]:
    """The table's items by id, without nulls."""
    (found,) = [one for one in manifest.tables if one.target.table == table]
    rows: list[dict[str, Any]] = []
    for file in found.files:
        body = dynamo.world.gateways.s3.client.get_object(Bucket="acme-lake", Key=file.key)["Body"]
        read = pq.ParquetFile(io.BytesIO(body.read())).read()
        assert read.num_rows == file.rows
        rows += read.to_pylist()
    assert len({row["id"] for row in rows}) == len(rows)
    return {row.pop("id"): {name: value for name, value in row.items() if value is not None} for row in rows}


def stars(dynamo: DynamoWorld, manifest: Manifest) -> dict[str, int]:
    return {name: row["stars"] for name, row in content(dynamo, manifest).items()}


def kinds(dynamo: DynamoWorld, table: str = "Reviews") -> list[str]:
    return [export["ExportType"].partition("_")[0] for export in dynamo.exports(table)]


def why_full(manifest: Manifest, table: str = "Reviews") -> str:
    return {part.table: part.full_because for part in manifest.export.parts}[table]


@pytest.mark.exhaustive
def test_a_date_is_the_one_before_and_what_changed_since(dynamo: DynamoWorld) -> None:
    dynamo.clock(midnight(SECOND) + HOUR)
    for day in (FIRST, SECOND):
        dynamo.world.publish(day.isoformat())
    wanted = [(name, str(number)) for name, number in AT_SECOND.items()]
    assert dynamo.world.query("SELECT id, stars FROM reviews ORDER BY id") == wanted
    assert dynamo.world.query("SELECT id FROM users") == [("ada",)]
    count = f"SELECT count(*) FROM snapshots_reviews WHERE snapshot_date = '{FIRST}'"
    assert dynamo.world.query(count) == [("4",)]
    assert kinds(dynamo) == kinds(dynamo, "Users") == ["FULL", "INCREMENTAL"]
    assert dynamo.world.keys("exports/") == []


def test_a_date_by_increments_is_what_a_full_export_of_the_instant_shows(dynamo: DynamoWorld) -> None:
    """Also where a change makes a number wider, adds an attribute, or a field of a nested one."""
    convert(dynamo, FIRST)
    author = {"M": {"name": {"S": "Ada"}, "tags": {"L": [{"S": "x"}, {"NULL": True}]}}}
    dynamo.put("Reviews", item("wide", stars={"N": "0.25"}, author=author, seen={"BOOL": False}))
    by_changes = convert(dynamo, SECOND)
    layout, s3 = dynamo.world.gateways.layout, dynamo.world.gateways.s3
    folder = layout.manifest_folder("reviews") + str(SECOND)
    s3.delete("acme-lake", dynamo.world.keys(folder))
    in_full = convert(dynamo, SECOND, incremental=False)
    assert kinds(dynamo) == ["FULL", "INCREMENTAL", "FULL"]
    assert content(dynamo, by_changes) == content(dynamo, in_full)
    assert [table.columns for table in by_changes.tables] == [table.columns for table in in_full.tables]


@pytest.mark.exhaustive
def test_days_without_a_date_are_made_up_for_by_windows_end_to_end(dynamo: DynamoWorld) -> None:
    convert(dynamo, FIRST)
    dynamo.clock(midnight(SECOND) + HOUR)
    dynamo.delete("Reviews", "new")
    dynamo.put("Reviews", item("changed", stars={"N": "3"}))
    manifest = convert(dynamo, FIRST + timedelta(days=3), hours=5)
    assert stars(dynamo, manifest) == {"changed": 3, "replaced": 9, "same": 1}
    (part, _) = manifest.export.parts
    assert [step.window.start for step in part.steps] == [midnight(FIRST + timedelta(days=n)) for n in range(3)]
    assert part.steps[-1].window.end == manifest.export.snapshot_time
    assert part.billed_bytes == 30_000_000, "DynamoDB bills 10 MB at least, for each"


@pytest.mark.exhaustive
def test_an_older_date_is_made_from_the_one_before_it(dynamo: DynamoWorld) -> None:
    assert why_full(convert(dynamo, FIRST)) == "no earlier date is in the lake"
    convert(dynamo, THIRD)
    manifest = convert(dynamo, SECOND, hours=30)
    assert stars(dynamo, manifest) == AT_SECOND
    assert [part.base.day for part in manifest.export.parts if part.base] == [FIRST, FIRST]


def forget(dynamo: DynamoWorld) -> None:
    dynamo.world.root.s3.delete("acme-lake", [f"lake/_manifests/reviews/{FIRST}.json"])


def damage_manifest(dynamo: DynamoWorld) -> None:
    dynamo.world.root.s3.put_text("acme-lake", f"lake/_manifests/reviews/{FIRST}.json", "{", kms_key=None)


def delete_a_file(dynamo: DynamoWorld) -> None:
    dynamo.world.root.s3.delete("acme-lake", dynamo.world.keys("lake/reviews/Reviews/")[:1])


def toggle_recovery(dynamo: DynamoWorld) -> None:
    dynamo.recovery("Reviews", on=False)
    dynamo.recovery("Reviews", on=True)


def create_again(dynamo: DynamoWorld) -> None:
    """The new table even has another key, which is the only way a table's keys can change."""
    dynamo.client.delete_table(TableName="Reviews")
    dynamo.create("Reviews", item("anew", stars={"N": "1"}))


@pytest.mark.parametrize(
    ("accident", "said"),
    [
        (forget, "no earlier date is in the lake"),
        (damage_manifest, f"the manifest of {FIRST} is damaged"),
        (delete_a_file, f"files of {FIRST} are missing or were changed"),
        (toggle_recovery, "it was turned off in between, or its window ended"),
        (create_again, f"deleted and created again since {FIRST}"),
    ],
)
def test_a_break_of_the_chain_is_answered_by_a_full_export_that_says_why(
    dynamo: DynamoWorld, accident: Callable[[DynamoWorld], None], said: str
) -> None:
    convert(dynamo, FIRST)
    accident(dynamo)
    manifest = convert(dynamo, SECOND)
    assert said in why_full(manifest)
    assert any(said in line for line in dynamo.world.lines)
    assert stars(dynamo, manifest) == ({"anew": 1} if accident is create_again else AT_SECOND)
    assert kinds(dynamo)[-1] == "FULL"


@pytest.mark.exhaustive
def test_an_earlier_date_that_is_removed_while_it_is_copied_is_answered_by_a_full_export(dynamo: DynamoWorld) -> None:
    """Files without any change are copied as they are."""
    convert(dynamo, FIRST)
    later(dynamo, midnight(SECOND) + HOUR)
    run, s3 = dynamo.world.run(), dynamo.world.gateways.s3
    run.accept(SECOND, poll_seconds=0.05)
    users = dynamo.world.keys("lake/reviews/Users/")
    with before_call(dynamo.world, "CopyObject", "/Users/", lambda: s3.delete("acme-lake", users)) as met:
        manifest = made(run, SECOND)
    assert met
    assert (kinds(dynamo), kinds(dynamo, "Users")) == (["FULL", "INCREMENTAL"], ["FULL", "INCREMENTAL", "FULL"])
    assert content(dynamo, manifest, "Users") == {"ada": {}}
    assert users[0] in why_full(manifest, "Users")


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("day", "at", "said"),
    [
        (FIRST + timedelta(days=8), time(0), "8 exports of changes, and more than 7 are not chained"),
        (SECOND, time(0, 4), "less than 15 minutes before"),
    ],
)
def test_too_long_and_too_short_a_time_is_exported_in_full(dynamo: DynamoWorld, day: date, at: time, said: str) -> None:
    late = {"hours": 24, "export_at": time(23, 50)} if at > time(0) else {}
    convert(dynamo, FIRST, **late)
    assert said in why_full(convert(dynamo, day, export_at=at))


@pytest.mark.exhaustive
def test_a_table_that_is_new_is_exported_in_full_beside_the_changes_of_others(dynamo: DynamoWorld) -> None:
    convert(dynamo, FIRST, tables=("Reviews",))
    manifest = convert(dynamo, SECOND, tables=("Reviews", "Users"))
    assert (why_full(manifest), why_full(manifest, "Users")) == ("", f"it is not part of {FIRST}")
    exports = [dynamo.exports("Reviews")[-1]["IncrementalExportSpecification"]["ExportToTime"]]
    assert [*exports, dynamo.exports("Users")[0]["ExportTime"]] == [midnight(SECOND)] * 2
    assert stars(dynamo, manifest) == AT_SECOND
    shown = metadata.accepted(dynamo.world.run().accept(SECOND, poll_seconds=0.05))
    assert shown["rds_lake/full_because"] == {"Users": f"it is not part of {FIRST}"}
    assert list(shown["rds_lake/incremental"]) == ["Reviews"]


@pytest.mark.exhaustive
def test_a_window_that_dynamodb_refuses_is_exported_in_full(
    dynamo: DynamoWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Recovery may be turned off and on between the look at it and the start of the export."""
    convert(dynamo, FIRST)
    start = DynamoGateway.start_export

    def refuse(self: DynamoGateway, **arguments: Any) -> Any:
        if arguments["since"] is not None:
            code = "InvalidExportTimeException"
            raise AwsError(service="dynamodb", operation="Export", code=code, message="outside PITR window")
        return start(self, **arguments)

    monkeypatch.setattr(DynamoGateway, "start_export", refuse)
    assert "DynamoDB refused the export of its changes" in why_full(convert(dynamo, SECOND))


@pytest.mark.exhaustive
def test_another_type_is_exported_in_full_and_the_date_goes_on_with_it(dynamo: DynamoWorld) -> None:
    convert(dynamo, FIRST)
    dynamo.put("Reviews", item("new", stars={"S": "four"}))
    dynamo.clock(midnight(SECOND) + HOUR)
    run = dynamo.world.run()
    run.accept(SECOND, poll_seconds=0.05)
    for _ in range(2):  # whoever repeats it starts no second export
        with pytest.raises(FullExportBegunError, match=r"Reviews: .*cannot be converted to the types"):
            run.relocate(SECOND)
    manifest = convert(dynamo, SECOND)
    assert (kinds(dynamo), kinds(dynamo, "Users")) == (["FULL", "INCREMENTAL", "FULL"], ["FULL", "INCREMENTAL"])
    assert stars(dynamo, manifest) == {"changed": "2", "new": '"four"', "replaced": "9", "same": "1"}
    dynamo.put("Reviews", item("new", stars={"S": "five"}))
    assert stars(dynamo, convert(dynamo, THIRD))["new"] == '"five"', "changes can be brought to the wider type"


@pytest.mark.exhaustive
@pytest.mark.parametrize("when", ["before the exports", "after them"])
def test_an_earlier_date_that_was_replaced_meanwhile_is_no_beginning(dynamo: DynamoWorld, when: str) -> None:
    first = convert(dynamo, FIRST)
    dynamo.clock(midnight(SECOND) + HOUR)
    run = dynamo.world.run()
    run.begin(SECOND) if when == "before the exports" else run.accept(SECOND, poll_seconds=0.05)
    another = replace(first, export=replace(first.export, export_task="another"))
    s3, layout = dynamo.world.gateways.s3, dynamo.world.gateways.layout
    handover.write_manifest(s3, layout, another, kms_key="alias/rds-lake")
    if when == "after them":
        manifest = made(run, SECOND)
        assert f"{FIRST} was replaced:" in why_full(manifest)
    else:
        manifest = convert(dynamo, SECOND)
        assert {part.base.export_task for part in manifest.export.parts if part.base} == {"another"}
        assert kinds(dynamo) == ["FULL", "INCREMENTAL"], "the export of the changes is as good as it was"
    assert stars(dynamo, manifest) == AT_SECOND


@pytest.mark.exhaustive
def test_a_failed_export_of_changes_is_repeated_by_a_person_alone(dynamo: DynamoWorld) -> None:
    convert(dynamo, FIRST, tables=("Reviews",))
    dynamo.break_next_export(fail="S3 said no", code="S3AccessDenied")
    with pytest.raises(ExportFailedError, match="S3AccessDenied: S3 said no"):
        convert(dynamo, SECOND)
    dynamo.world.run().begin(SECOND)
    assert kinds(dynamo) == ["FULL", "INCREMENTAL"]
    assert stars(dynamo, convert(dynamo, SECOND)) == AT_SECOND


@pytest.mark.exhaustive
def test_a_lost_record_of_what_was_begun_costs_no_second_export_of_changes(dynamo: DynamoWorld) -> None:
    convert(dynamo, FIRST)
    dynamo.clock(midnight(SECOND) + HOUR)
    dynamo.world.run().begin(SECOND)
    dynamo.world.root.s3.delete("acme-lake", [f"lake/_manifests/reviews/{SECOND}.begun.json"])
    assert stars(dynamo, convert(dynamo, SECOND)) == AT_SECOND
    assert kinds(dynamo) == ["FULL", "INCREMENTAL"]


@pytest.mark.exhaustive
def test_a_table_deleted_after_its_changes_were_exported_is_converted_all_the_same(dynamo: DynamoWorld) -> None:
    convert(dynamo, FIRST)
    dynamo.clock(midnight(SECOND) + HOUR)
    run = dynamo.world.run()
    run.accept(SECOND, poll_seconds=0.05)
    dynamo.client.delete_table(TableName="Reviews")
    assert stars(dynamo, run.relocate(SECOND)) == AT_SECOND


def test_a_missing_file_of_changes_is_named(dynamo: DynamoWorld) -> None:
    convert(dynamo, FIRST, tables=("Reviews",))
    dynamo.break_next_export(missing_file=True)
    dynamo.clock(midnight(SECOND) + HOUR)
    (problem,) = [f.problem for f in dynamo.world.run().accept(SECOND, poll_seconds=0.05).findings]
    assert "/AWSDynamoDB/data/" in problem and "does not exist" in problem


@pytest.mark.exhaustive
def test_a_damaged_file_of_changes_is_named_and_others_in_its_folder_are_not_read(dynamo: DynamoWorld) -> None:
    convert(dynamo, FIRST, tables=("Reviews",))
    data = f"exports/reviews-{SECOND}/AWSDynamoDB/data/"
    dynamo.world.root.s3.put_text("acme-lake", data + "other.json.gz", "somebody else's", kms_key=None)
    dynamo.break_next_export(damaged_file=True)
    with pytest.raises(ConversionError, match=rf"s3://acme-lake/{data}(?!other)"):
        convert(dynamo, SECOND)


@pytest.mark.exhaustive
def test_a_run_that_dies_before_any_of_its_writes_ends_the_same_when_repeated(dynamo: DynamoWorld) -> None:
    """Death: neither this write nor any after it arrives, those of tidying up included."""
    world = dynamo.world
    convert(dynamo, FIRST, tables=("Reviews",))
    dynamo.clock(midnight(SECOND) + HOUR)
    with open_door(world.cloud) as door:
        gateways = world.aws.model_copy(update={"endpoint_url": door.url}).gateways(world.config.lake)
        for number in range(1, 40):
            shared = replace(world.run().shared, lake=gateways.lake)
            run = DynamoRun(shared=shared, dynamodb=gateways.dynamodb)
            with dying(door, before=number) as deaths:
                run.accept(SECOND, poll_seconds=0.05)
                run.relocate(SECOND)
            assert stars(dynamo, convert(dynamo, SECOND)) == AT_SECOND, f"a death before write {number} changed the end"
            world.root.s3.delete("acme-lake", [key for key in world.keys("lake/") if str(SECOND) in key])
            if not deaths:
                assert number > 6, "the run makes fewer writes than it has steps"
                break
        else:
            raise AssertionError("the run never came to its end")
        assert kinds(dynamo) == ["FULL", "INCREMENTAL"], "each attempt found the export of those before"
        manifest = convert(dynamo, SECOND)
        for number in range(1, 12):
            with dying(door, before=number):
                after_publish(gateways.lake.s3, gateways.layout, manifest, keep_export=False, log=lambda line: None)
        assert world.keys(f"exports/reviews-{SECOND}") == []


@contextmanager
def dying(door: Door, *, before: int) -> Iterator[list[RdsLakeError]]:
    """From the n-th write on no write arrives. Yields the errors that the run ended with."""
    writes, deaths = [0], list[RdsLakeError]()

    def death(call: Call) -> str | None:
        writes[0] += call.is_write
        return "AccessDenied" if writes[0] >= before and call.is_write else None

    door.rules[:] = [death]
    try:
        yield deaths
    except RdsLakeError as error:
        deaths.append(error)
    door.rules.clear()
