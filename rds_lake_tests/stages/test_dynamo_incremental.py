"""An incremental DynamoDB source: each date is the one before and what changed, item by item what a full export shows."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from rds_lake.errors import ConversionError, ExportFailedError, FullExportBegunError, UnavailableError
from rds_lake.model.export import ExportPart
from rds_lake_tests.world import DynamoWorld, World

TODAY = datetime.now(UTC).date()
FIRST = TODAY - timedelta(days=4)
SECOND, THIRD = FIRST + timedelta(days=1), FIRST + timedelta(days=2)


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def item(name: str, **attributes: Any) -> dict[str, Any]:
    return {"id": {"S": name}} | attributes


@pytest.fixture
def dynamo(world: World) -> DynamoWorld:
    """Four reviews and a user since before the first date, which is published; on it all sorts of changes."""
    dynamo = world.of_dynamodb(incremental=True)
    dynamo.clock(midnight(FIRST) - timedelta(hours=5))
    stars = {name: item(name, stars={"N": "1"}) for name in ("same", "changed", "deleted", "replaced")}
    dynamo.create("Reviews", *stars.values())
    dynamo.create("Users", item("ada"))
    dynamo.clock(midnight(FIRST) + timedelta(hours=1))
    dynamo.put("Reviews", item("changed", stars={"N": "2"}))
    dynamo.delete("Reviews", "deleted", "replaced")
    dynamo.put("Reviews", item("replaced", stars={"N": "9"}), item("new", stars={"N": "4"}), item("brief"))
    dynamo.delete("Reviews", "brief")
    dynamo.clock(midnight(SECOND) + timedelta(hours=1))
    return dynamo


def publish(dynamo: DynamoWorld, day: date) -> None:
    dynamo.world.publish(day.isoformat())


def rows(dynamo: DynamoWorld, day: date, table: str = "reviews", columns: str = "id, stars") -> list[Any]:
    sql = f"SELECT {columns} FROM snapshots_{table} WHERE snapshot_date = '{day}' ORDER BY id"
    return dynamo.world.query(sql)


def parts(dynamo: DynamoWorld, day: date) -> dict[str, ExportPart]:
    return {part.table: part for part in dynamo.world.run().relocate(day).export.parts}


def kinds(dynamo: DynamoWorld, table: str) -> list[str]:
    return [export["ExportType"].partition("_")[0] for export in dynamo.exports(table)]


def test_a_date_is_the_one_before_and_what_changed_since(dynamo: DynamoWorld) -> None:
    publish(dynamo, FIRST)
    publish(dynamo, SECOND)
    assert kinds(dynamo, "Reviews") == ["FULL", "INCREMENTAL"]
    wanted = [("changed", "2"), ("new", "4"), ("replaced", "9"), ("same", "1")]
    assert rows(dynamo, SECOND) == wanted
    assert dynamo.world.query("SELECT id, stars FROM reviews ORDER BY id") == wanted
    assert dynamo.world.query("SELECT id FROM users") == [("ada",)]
    assert rows(dynamo, FIRST) == [("changed", "1"), ("deleted", "1"), ("replaced", "1"), ("same", "1")]
    assert dynamo.world.keys("exports/") == []
