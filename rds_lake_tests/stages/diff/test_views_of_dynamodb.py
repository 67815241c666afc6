"""A view of `diff_views:` over a table of DynamoDB has the rows that `rds-lake diff` finds, by the table's own keys."""

from __future__ import annotations

import json
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from rds_lake.stages.diff.compare import Asked, compare_table
from rds_lake.stages.diff.keys import keys_of_dynamodb
from rds_lake.stages.diff.result import TableDiff
from rds_lake.stages.diff.seen_views import see_diff_views
from rds_lake_tests.support.world import DynamoWorld, World

TODAY = datetime.now(UTC).date()  # what is exported is at most 35 days old
OLD, NEW = TODAY - timedelta(days=2), TODAY - timedelta(days=1)
_HUGE = "12345678901234567890123456789012345678"

# Partition and sort key of other types than text, attributes that some items have not, and everything that nests.
_FIRST: tuple[dict[str, Any], ...] = (
    {"Shop": {"S": "a"}, "Number": {"N": "1"}, "change": {"S": "same"}, "price": {"N": "1.50"}},
    {"Shop": {"S": "a"}, "Number": {"N": "2"}, "price": {"N": "2"}, "author": {"M": {"name": {"S": "Ada"}}}},
    {"Shop": {"S": "a"}, "Number": {"N": _HUGE}, "tags": {"L": [{"S": "x"}, {"S": "y"}]}, "raw": {"B": b"\x00\xff"}},
    {
        "Shop": {"S": "b"},
        "Number": {"N": "1"},
        "sizes": {"NS": ["1", "2"]},
        "names": {"SS": ["x", "y"]},
        "blobs": {"BS": [b"x", b"y"]},
        "on": {"BOOL": True},
    },
    {"Shop": {"S": "b"}, "Number": {"N": "2"}, "gone": {"S": "x"}},
)
_SECOND: tuple[dict[str, Any], ...] = (
    {"Shop": {"S": "a"}, "Number": {"N": "1"}, "change": {"S": "same"}, "price": {"N": "1.5"}},  # the same number
    {"Shop": {"S": "a"}, "Number": {"N": "2"}, "author": {"M": {"name": {"S": "Ada"}, "city": {"S": "London"}}}},
    {"Shop": {"S": "a"}, "Number": {"N": _HUGE}, "tags": {"L": [{"S": "x"}]}, "raw": {"B": b"\x00\xfe"}},
    {
        "Shop": {"S": "b"},
        "Number": {"N": "1"},
        "sizes": {"NS": ["2", "1"]},
        "names": {"SS": ["y", "x"]},
        "blobs": {"BS": [b"y", b"x"]},
        "on": {"BOOL": False},
    },
    {"Shop": {"S": "c"}, "Number": {"N": "3"}, "came": {"S": "z"}},
)


def create(dynamo: DynamoWorld, name: str) -> None:
    dynamo.client.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "Shop", "KeyType": "HASH"}, {"AttributeName": "Number", "KeyType": "RANGE"}],
        AttributeDefinitions=[
            {"AttributeName": "Shop", "AttributeType": "S"},
            {"AttributeName": "Number", "AttributeType": "N"},
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    dynamo.recovery(name, on=True)


def published(world: World) -> TableDiff:
    """Both dates are published; what `rds-lake diff` says of them."""
    dynamo = world.of_dynamodb("Reviews", diff_views=["reviews"])
    for number, (day, items) in enumerate(((OLD, _FIRST), (NEW, _SECOND))):
        dynamo.clock(datetime.combine(day, time(), UTC) - timedelta(hours=3))
        if not number:
            create(dynamo, "Reviews")
        else:
            for item in _FIRST:
                dynamo.client.delete_item(TableName="Reviews", Key={name: item[name] for name in ("Shop", "Number")})
        dynamo.put("Reviews", *items)
    dynamo.clock(None)
    for day in (OLD, NEW):
        world.publish(str(day))
    asked = Asked(before=OLD, after=NEW, most_rows=100)
    known = keys_of_dynamodb(world.gateways.dynamodb)
    return compare_table(world.gateways.lake, world.config.sources[0], "reviews", asked, known_key=known)


def test_items_are_compared_by_dynamodbs_own_keys_as_rds_lake_diff_compares_them(world: World) -> None:
    found = published(world)
    seen = see_diff_views(world.gateways.lake, world.config.sources[0])
    assert (seen.before, seen.views, seen.problems) == (OLD, ("reviews_diff",), ())
    assert found.keys == ("shop", "number")
    said = {
        (row.key["shop"], row.key["number"]): (row.kind, set(row.after or ()) if row.kind == "changed" else set())
        for row in found.rows
    }
    assert {key: kind for key, (kind, _) in said.items()} == {
        ("a", "2"): "changed", ("a", _HUGE): "changed", ("b", "1"): "changed", ("b", "2"): "removed",
        ("c", "3"): "added",
    }  # fmt: skip
    assert said["a", "2"][1] == {"price", "author"}
    assert said["a", _HUGE][1] == {"tags", "raw"}
    assert said["b", "1"][1] == {"on"}, "a set has no order"

    sql = "SELECT shop, CAST(number AS varchar), lake_change, array_join(changed_columns, ',') FROM reviews_diff"
    shown = {
        (shop, number): (str(kind), set((names or "").split(",")) - {""})
        for shop, number, kind, names in world.query(sql)
    }
    assert shown == said

    values = (
        "SELECT author.name, author.city, author_before.name, author_before.city, cardinality(tags), "
        "cardinality(tags_before), change, change_before, CAST(price_before AS varchar), CAST(price AS varchar), "
        "to_hex(raw), to_hex(raw_before), shop, CAST(number AS varchar) FROM reviews_diff"
    )
    rows = {row[-2:]: row[:-2] for row in world.query(values)}
    assert rows["a", "2"][:4] == ("Ada", "London", "Ada", None)
    assert json.loads(rows["a", "2"][8] or "") == 2 and rows["a", "2"][9] is None, "the item lost the attribute"
    assert rows["a", _HUGE][4:6] == ("1", "2")
    assert rows["a", _HUGE][10:12] == ("00FE", "00FF")
    assert all(value is None for value in rows["c", "3"]), "it has none of these attributes, at neither date"


@pytest.mark.exhaustive
def test_a_table_that_dynamodb_has_no_more_says_that_its_key_is_unknown_and_its_date_is_published(
    world: World,
) -> None:
    published(world)
    world.clients.client("dynamodb").delete_table(TableName="Reviews")
    world.root.glue.delete_view("reviews", "reviews_diff")
    world.run().shared.publish(NEW, now=datetime.now(UTC))
    assert world.query("SELECT DISTINCT snapshot_date FROM reviews") == [(str(NEW),)]
    (problem,) = see_diff_views(world.gateways.lake, world.config.sources[0]).problems
    assert problem.startswith("reviews_diff: the key of Reviews is unknown; name its columns under `keys:`")
