"""Exports show a table as it was, and what changed in a window, whichever operation wrote and however often."""

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.localcloud.dynamodb.log import ItemLog
from rds_lake.localcloud.dynamodb.moto_dynamodb import StoredItem
from rds_lake_tests.localcloud.dynamodb.exporting import Dynamo, ago, typed

HOUR = timedelta(hours=1)


def ids(items: list[dict[str, Any]]) -> list[str]:
    return [item["id"]["S"] for item in items]


@pytest.fixture
def yesterday(dynamo: Dynamo) -> tuple[Dynamo, str, datetime]:
    """A table with recovery on since a week, and the time 26 hours ago, which the clock shows."""
    dynamo.clock(ago(days=7))
    arn = dynamo.table()
    moment = ago(hours=26)
    dynamo.clock(moment)
    return dynamo, arn, moment


def test_an_export_of_ten_shows_the_table_at_ten_though_it_is_five_past(
    yesterday: tuple[Dynamo, str, datetime],
) -> None:
    dynamo, arn, ten = yesterday
    dynamo.clock(ten - HOUR)
    dynamo.put(id="kept", n=1)
    dynamo.put(id="changed", n=1)
    dynamo.put(id="deleted", n=1)
    dynamo.clock(ten)
    dynamo.put(id="changed", n=2)
    dynamo.delete(id="deleted")
    dynamo.put(id="new", n=1)
    dynamo.clock(ten + timedelta(minutes=5))
    at_ten = dynamo.items(dynamo.start(arn, ExportTime=ten))
    assert at_ten == [{"id": {"S": name}, "n": {"N": "1"}} for name in ("changed", "deleted", "kept")]
    now = dynamo.items(dynamo.start(arn))
    assert {item["id"]["S"]: item["n"]["N"] for item in now} == {"changed": "2", "kept": "1", "new": "1"}


def _batch(dynamo: Dynamo) -> None:
    requests = [{"PutRequest": {"Item": {"id": {"S": "b"}}}}, {"DeleteRequest": {"Key": {"id": {"S": "a"}}}}]
    dynamo.db.batch_write_item(RequestItems={"Orders": requests})


def _transaction(dynamo: Dynamo) -> None:
    put = {"Put": {"TableName": "Orders", "Item": {"id": {"S": "b"}}}}
    delete = {"Delete": {"TableName": "Orders", "Key": {"id": {"S": "a"}}}}
    dynamo.db.transact_write_items(TransactItems=[put, delete])


def _single(dynamo: Dynamo) -> None:
    set_n = {"UpdateExpression": "SET n = :n", "ExpressionAttributeValues": {":n": {"N": "1"}}}
    dynamo.db.update_item(TableName="Orders", Key={"id": {"S": "b"}}, **set_n)
    dynamo.delete(id="a")


def _in_process(dynamo: Dynamo) -> None:
    inside = dynamo.cloud.clients.client("dynamodb")
    inside.put_item(TableName="Orders", Item={"id": {"S": "b"}})
    inside.delete_item(TableName="Orders", Key={"id": {"S": "a"}})


def _statements(dynamo: Dynamo) -> None:
    dynamo.db.execute_statement(Statement="INSERT INTO \"Orders\" value {'id': 'b'}")
    dynamo.db.execute_statement(Statement="DELETE FROM \"Orders\" WHERE id='a'")


def _by_arn(dynamo: Dynamo) -> None:
    arn = dynamo.db.describe_table(TableName="Orders")["Table"]["TableArn"]
    dynamo.db.put_item(TableName=arn, Item={"id": {"S": "b"}})
    dynamo.db.delete_item(TableName=arn, Key={"id": {"S": "a"}})


@pytest.mark.parametrize(
    "write", [_single, _batch, _transaction, _statements, _in_process, _by_arn], ids=lambda write: write.__name__[1:]
)
def test_every_way_to_write_is_recorded(
    yesterday: tuple[Dynamo, str, datetime], write: Callable[[Dynamo], None]
) -> None:
    dynamo, arn, moment = yesterday
    dynamo.put(id="a")
    dynamo.clock(moment + HOUR)
    write(dynamo)
    dynamo.clock(moment + 2 * HOUR)
    assert ids(dynamo.items(dynamo.start(arn))) == ["b"]
    assert ids(dynamo.items(dynamo.start(arn, ExportTime=moment + HOUR))) == ["a"]
    (deleted, put) = sorted(dynamo.exported(dynamo.start_window(arn, moment + HOUR, moment + 2 * HOUR)), key=json.dumps)
    assert {deleted["Keys"]["id"]["S"], put["Keys"]["id"]["S"]} == {"a", "b"}


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("SET m.#k = :v", {":v": {"L": [{"B": b"\x01"}, {"N": "2"}]}}),
        ("SET l = list_append(l, :v)", {":v": {"L": [{"M": {"deep": {"NULL": True}}}]}}),
        ("ADD n :v", {":v": {"N": "0.5"}}),
        ("ADD ss :v", {":v": {"SS": ["b"]}}),
        ("DELETE bs :v", {":v": {"BS": [b"\x01"]}}),
        ("REMOVE l[0], m", {}),
        ("SET fresh = if_not_exists(fresh, :v)", {":v": {"BS": [b"\xff"]}}),
    ],
    ids=lambda value: value.split()[0] + value[-3:] if isinstance(value, str) else "",
)
def test_what_an_update_made_of_an_item_is_what_is_exported(
    dynamo: Dynamo, expression: str, values: dict[str, Any]
) -> None:
    arn = dynamo.table()
    item = {
        "id": {"S": "1"},
        "m": {"M": {"key word": {"S": "x"}, "b": {"B": b"\x00"}}},
        "l": {"L": [{"N": "1"}, {"B": b"\x02"}]},
        "n": {"N": "1"},
        "ss": {"SS": ["a"]},
        "bs": {"BS": [b"\x01", b"\x02"]},
    }
    dynamo.db.put_item(TableName="Orders", Item=item)
    names = {"ExpressionAttributeNames": {"#k": "key word"}} if "#k" in expression else {}
    given = {"ExpressionAttributeValues": values} if values else {}
    key = {"id": {"S": "1"}}
    dynamo.db.update_item(TableName="Orders", Key=key, UpdateExpression=expression, **names, **given)
    (exported,) = dynamo.items(dynamo.start(arn))
    assert plain(exported) == plain(dynamo.db.get_item(TableName="Orders", Key=key)["Item"])


def plain(value: Any) -> Any:
    """Binary values in base64 and sets in order, as JSON has neither."""
    if isinstance(value, dict):
        return {key: sorted(map(plain, part)) if key in ("SS", "BS") else plain(part) for key, part in value.items()}
    if isinstance(value, list):
        return [plain(part) for part in value]
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


def test_writers_at_the_same_time_lose_nothing(dynamo: Dynamo) -> None:
    arn = dynamo.table()
    increment = {"UpdateExpression": "ADD n :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}

    def write(writer: int) -> None:
        for number in range(20):
            dynamo.db.update_item(TableName="Orders", Key={"id": {"S": "shared"}}, **increment)
            dynamo.put(id=f"{writer} {number}", n=number)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    items = dynamo.items(dynamo.start(arn))
    assert len(items) == 81
    assert [item["n"]["N"] for item in items if item["id"]["S"] == "shared"] == ["80"]


def test_a_write_that_failed_is_no_change(yesterday: tuple[Dynamo, str, datetime]) -> None:
    dynamo, arn, moment = yesterday
    dynamo.put(id="a")
    dynamo.clock(moment + HOUR)
    condition = {"ConditionExpression": "attribute_not_exists(id)"}
    with pytest.raises(ClientError, match="ConditionalCheckFailed"):
        dynamo.db.put_item(TableName="Orders", Item={"id": {"S": "a"}, "x": {"N": "1"}}, **condition)
    refused = {"Put": {"TableName": "Orders", "Item": {"id": {"S": "a"}}} | condition}
    with pytest.raises(ClientError, match="TransactionCanceled"):
        dynamo.db.transact_write_items(
            TransactItems=[{"Put": {"TableName": "Orders", "Item": {"id": {"S": "b"}}}}, refused]
        )
    dynamo.clock(moment + 2 * HOUR)
    assert dynamo.exported(dynamo.start_window(arn, moment + HOUR, moment + 2 * HOUR)) == []
    assert ids(dynamo.items(dynamo.start(arn))) == ["a"]


def test_an_incremental_export_has_each_item_once_with_what_it_was_before(
    yesterday: tuple[Dynamo, str, datetime], samples: Any
) -> None:
    dynamo, arn, start = yesterday
    dynamo.clock(start - HOUR)
    for name in ("same", "changed", "deleted", "replaced"):
        dynamo.put(id=name, n=1)
    dynamo.clock(start)
    for number in (2, 3):
        dynamo.put(id="changed", n=number)
    dynamo.put(id="new", n=7)
    dynamo.delete(id="deleted")
    dynamo.delete(id="replaced")
    dynamo.put(id="replaced", n=9)
    dynamo.put(id="came and went", n=1)
    dynamo.delete(id="came and went")
    dynamo.clock(start + HOUR)
    dynamo.put(id="changed", n=4)
    export = dynamo.start_window(arn, start, start + HOUR)
    lines = {line["Keys"]["id"]["S"]: line for line in dynamo.exported(export)}
    images = {
        name: (line.get("OldImage", {}).get("n"), line.get("NewImage", {}).get("n")) for name, line in lines.items()
    }
    old = typed(1)
    assert images == {
        "changed": (old, typed(3)),
        "new": (None, typed(7)),
        "deleted": (old, None),
        "replaced": (old, typed(9)),
        "came and went": (None, None),
    }
    written = {int(line["Metadata"]["WriteTimestampMicros"]["N"]) / 1e6 for line in lines.values()}
    assert start.timestamp() <= min(written) <= max(written) < (start + HOUR).timestamp()
    done = dynamo.ended(export)
    summary = json.loads(dynamo.read(done["ExportManifest"]))
    sample = samples / "dynamodb-export/manifest-summary.incremental.2023-08-01.json"
    assert list(summary) == list(json.loads(sample.read_text(encoding="utf-8")))
    assert summary["exportFromTime"] == f"{start:%Y-%m-%dT%H:%M:%S}.000Z"
    assert (summary["version"], summary["outputView"]) == ("2023-08-01", "NEW_AND_OLD_IMAGES")
    folder = done["ExportManifest"].removesuffix("/manifest-summary.json")
    assert not [key for key in dynamo.keys(f"{folder}/") if "/data/" in key]
    assert dynamo.keys("deep/er/AWSDynamoDB/data/"), "data of incremental exports is in one folder for all"


def test_new_images_only_leave_the_old_ones_out(yesterday: tuple[Dynamo, str, datetime]) -> None:
    dynamo, arn, start = yesterday
    dynamo.clock(start - HOUR)
    dynamo.put(id="changed", n=1)
    dynamo.put(id="deleted", n=1)
    dynamo.clock(start)
    dynamo.put(id="changed", n=2)
    dynamo.delete(id="deleted")
    dynamo.clock(start + HOUR)
    lines = dynamo.exported(dynamo.start_window(arn, start, start + HOUR, ExportViewType="NEW_IMAGE"))
    shapes = {line["Keys"]["id"]["S"]: sorted(line) for line in lines}
    assert shapes == {"changed": ["Keys", "Metadata", "NewImage"], "deleted": ["Keys", "Metadata"]}


def test_windows_meet_without_gap_or_overlap_with_the_full_export_before_them(
    yesterday: tuple[Dynamo, str, datetime],
) -> None:
    dynamo, arn, start = yesterday
    for hour in range(4):
        dynamo.clock(start + hour * HOUR)
        dynamo.put(id=f"at {hour}")
        dynamo.clock(start + hour * HOUR + timedelta(minutes=59, seconds=59))
        dynamo.put(id=f"before {hour + 1}")
    dynamo.clock(start + 5 * HOUR)
    seen = ids(dynamo.items(dynamo.start(arn, ExportTime=start + HOUR)))
    for hour in (1, 2, 3):
        window = dynamo.start_window(arn, start + hour * HOUR, start + (hour + 1) * HOUR)
        seen += [line["Keys"]["id"]["S"] for line in dynamo.exported(window)]
    assert sorted(seen) == sorted(ids(dynamo.items(dynamo.start(arn)))), "each item exactly once"


def test_a_window_without_an_end_reaches_until_now(yesterday: tuple[Dynamo, str, datetime]) -> None:
    dynamo, arn, start = yesterday
    dynamo.put(id="1")
    dynamo.clock(start + HOUR)
    export = dynamo.start_window(arn, start, None)
    assert len(dynamo.exported(export)) == 1
    reached = dynamo.ended(export)["IncrementalExportSpecification"]["ExportToTime"]
    assert timedelta() <= reached - (start + HOUR) < timedelta(minutes=1)


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.one_of(st.none(), st.integers(0, 3))), max_size=20),
    st.integers(0, 21),
    st.integers(0, 21),
)
def test_a_full_export_plus_the_changes_since_is_a_later_full_export(
    writes: list[tuple[str, int | None]], first: int, second: int
) -> None:
    log = ItemLog()
    for moment, (key, value) in enumerate(writes):
        item = None if value is None else StoredItem(key=key, image=str(value), size=1)
        log.record(key, item, lambda moment=moment: moment)
    start, end = sorted((first, second))
    merged = {key: version.image for key, version in log.as_of(start)}
    changes = list(log.changes(start, end))
    assert [change.old for change in changes] == [merged.get(change.key) for change in changes]
    for change in changes:
        merged.pop(change.key, None)
        if change.new is not None:
            merged[change.key] = change.new
    assert merged == {key: version.image for key, version in log.as_of(end)}
    assert len({change.key for change in changes}) == len(changes)


def test_the_clock_runs_on_from_where_it_was_set_and_never_before_what_was_written(dynamo: Dynamo) -> None:
    assert dynamo.clock("2026-01-02T03:04:05Z")[1]["moved"] is True
    dynamo.table()
    described = dynamo.recovery()
    assert described["EarliestRestorableDateTime"].astimezone().isoformat()
    status, answer = dynamo.clock("2026-01-01T00:00:00Z")
    assert (status, "cannot go back" in answer["error"]) == (409, True)
    assert dynamo.clock("2026-01-03T00:00:00Z")[0] == 200
    assert dynamo.clock("yesterday")[0] == 400
    assert dynamo.clock("2026-01-03T00:00:00")[0] == 400, "a time without a zone"
    dynamo.cloud.reset()
    assert dynamo.clock(None)[1]["moved"] is False
