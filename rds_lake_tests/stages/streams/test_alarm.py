"""An outbox that is not emptied: told of once when it begins and once when it ends, whatever the reason and whoever looks."""

from datetime import UTC, datetime, timedelta

import pytest

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.config.database import Rds
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.streams.alarm import OutboxAlarm
from rds_lake.stages.streams.record import change_forwarded

START = datetime(2026, 11, 28, 12, tzinfo=UTC)
SOURCE = Rds.model_validate(
    {"name": "shop", "kind": "rds", "identifier": "shop-prod", "snapshots": ["automated"]}
    | {"streams": {"tables": ["shop.public.orders"], "alarm_minutes": 30, "forward_minutes": 5}}
)


@pytest.fixture
def lake(s3: S3Gateway, layout: LakeLayout) -> Lake:
    nothing = None
    return Lake(s3=s3, glue=nothing, athena=nothing, layout=layout, kms_key=None)  # type: ignore[arg-type]


def forwarded_at(lake: Lake, minutes: float, *, cut: int = 1) -> None:
    """Everything that was committed by then is in the lake."""
    as_of = START + timedelta(minutes=minutes)
    change_forwarded(
        lake, "shop", "shop", lambda record: record.with_final("e", cut, attempt=f"attempt-{cut}", as_of=as_of)
    )


def looks(lake: Lake, *minutes: float) -> list[list[str]]:
    """What each look asks for, by whole key."""
    alarm = OutboxAlarm(lake=lake, source=SOURCE, look=lambda database: f"Now: {database} has 7 changes.")
    return [[one.key for one in alarm.incidents(now=START + timedelta(minutes=each))] for each in minutes]


def test_it_begins_after_the_minutes_allowed_and_keeps_one_key_until_it_ends(lake: Lake) -> None:
    forwarded_at(lake, 0)
    begun = "outbox:shop:shop:2026-11-28T12:00:00+00:00"
    assert looks(lake, 5, 35, 36, 90, 600) == [[], [], [begun], [begun], [begun]]
    forwarded_at(lake, 610, cut=2)
    assert looks(lake, 611, 640) == [[begun, f"{begun}:ended"]] * 2
    assert looks(lake, 700) == [["outbox:shop:shop:2026-11-28T22:10:00+00:00"]], "the next one is another"
    forwarded_at(lake, 701, cut=3)
    looks(lake, 702)
    forwarded_at(lake, 701 + 8 * 1440, cut=4)
    assert looks(lake, 701 + 8 * 1440) == [[]], "what ended a week ago is forgotten"


def test_the_mail_says_what_is_in_the_outbox_and_what_to_do_and_that_nothing_is_lost_in_the_end(lake: Lake) -> None:
    asked: list[str] = []

    def look(database: str) -> str:
        asked.append(database)
        return "Now: outbox of shop: could not be checked: the user of `streams.secret` may not use the outbox (42501)."

    alarm = OutboxAlarm(lake=lake, source=SOURCE, look=look)
    forwarded_at(lake, 0)
    for minutes in (40, 45, 50):
        (begun,) = alarm.incidents(now=START + timedelta(minutes=minutes))
    assert asked == ["shop"], "the database is asked once for an alarm"
    assert "after 2026-11-28 12:00 UTC has come to the lake" in begun.cause
    assert "may not use the outbox (42501)" in begun.cause
    assert "rds-lake streams forward shop" in begun.next_step
    forwarded_at(lake, 55, cut=2)
    _, ended = alarm.incidents(now=START + timedelta(minutes=56))
    assert (ended.is_over, "No change was lost" in ended.cause) == (True, True)


def test_an_outbox_from_which_nothing_ever_came_is_watched_from_the_first_look(lake: Lake) -> None:
    assert looks(lake, 100, 130, 136) == [[], [], ["outbox:shop:shop:2026-11-28T13:40:00+00:00"]]


def test_a_clock_that_was_far_ahead_keeps_no_alarm_quiet(lake: Lake) -> None:
    forwarded_at(lake, 365 * 1440)
    assert looks(lake, 5, 30, 41) == [[], [], ["outbox:shop:shop:2026-11-28T12:05:00+00:00"]]
    forwarded_at(lake, 45, cut=2)
    assert looks(lake, 46)[0][-1].endswith(":ended"), "the next forwarder's clock is right"
    forwarded_at(lake, 365 * 1440, cut=3)
    assert looks(lake, 50, 80) == [looks(lake, 50)[0]] * 2, "it is watched from the first look that saw it"


def test_two_looks_at_once_say_the_same(lake: Lake) -> None:
    forwarded_at(lake, 0)
    other = OutboxAlarm(lake=lake, source=SOURCE, look=lambda _: "the other's")

    def look(_: str) -> str:
        other.incidents(now=START + timedelta(minutes=41))
        return "mine"

    mine = OutboxAlarm(lake=lake, source=SOURCE, look=look)
    (told,) = mine.incidents(now=START + timedelta(minutes=40))
    assert told.cause.endswith("the other's")
