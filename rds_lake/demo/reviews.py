"""The demo's DynamoDB tables: reviews and users, nested, written over two days of the local cloud's own time.

The queries about them: `reviews_story.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time
from typing import Any

from rds_lake.aws.clients import AwsClients

_USERS, _REVIEWS, _LATE = 40, 200, 15
_CITIES = ("Lisboa", "Kraków", "Zürich", "Oslo")
_TAGS = ("fast", "slow", "gift", "broken", "again")
_BATCH = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviews:
    """The tables' items at the snapshot's instant, and the number of items written after it."""

    counts: Mapping[str, int]
    later: int


def seed(clients: AwsClients, control: Callable[[str, dict[str, str]], Any], now: datetime) -> Reviews:
    """Make both tables with recovery on, write to them before and after today's midnight."""
    dynamodb = clients.client("dynamodb")
    midnight = datetime.combine(now.date(), clock_time(), UTC)
    control("clock", {"now": (midnight - timedelta(days=2)).isoformat()})
    for name in ("Reviews", "Users"):
        dynamodb.create_table(
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
        dynamodb.update_continuous_backups(
            TableName=name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    _write(dynamodb, "Users", [_user(number) for number in range(_USERS)])
    _write(dynamodb, "Reviews", [_review(number) for number in range(_REVIEWS)])
    control("clock", {})
    _write(dynamodb, "Reviews", [_review(number) for number in range(_REVIEWS, _REVIEWS + _LATE)])
    return Reviews(counts={"reviews": _REVIEWS, "users": _USERS}, later=_LATE)


def _write(dynamodb: Any, table: str, items: Sequence[dict[str, Any]]) -> None:
    for start in range(0, len(items), _BATCH):
        requests = [{"PutRequest": {"Item": item}} for item in items[start : start + _BATCH]]
        dynamodb.batch_write_item(RequestItems={table: requests})


def _user(number: int) -> dict[str, Any]:
    address = {"city": {"S": _CITIES[number % len(_CITIES)]}, "postcode": {"S": f"{10_000 + number}"}}
    user: dict[str, Any] = {"id": {"S": f"u{number}"}, "Name": {"S": f"User {number}"}, "address": {"M": address}}
    return user | ({"vip": {"BOOL": True}} if number % 7 == 0 else {})


def _review(number: int) -> dict[str, Any]:
    author = {"id": {"S": f"u{number % _USERS}"}, "verified": {"BOOL": number % 2 == 0}}
    tags = [{"S": _TAGS[number % len(_TAGS)]}, {"S": _TAGS[number * 3 % len(_TAGS)]}][: 1 + number % 2]
    review: dict[str, Any] = {
        "id": {"S": f"r{number}"},
        "stars": {"N": str(1 + number % 5)},
        "price": {"N": f"{number}.{number % 100:02}"},
        "author": {"M": author},
        "tags": {"L": tags},
    }
    return review | ({"answer": {"M": {"by": {"S": "shop"}, "text": {"S": "Thank you"}}}} if number % 9 == 0 else {})
