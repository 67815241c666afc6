"""The function between triggers and Firehose: what it takes, what it packs, what it sends again, and when it fails."""

import json
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.streams import handler as handler_module
from rds_lake.streams.changes import BadChangeError, line_of, read_changes
from rds_lake.streams.delivery import Delivery, NotDeliveredError
from rds_lake.streams.handler import handler
from rds_lake.streams.records import BATCH_BYTES, BATCH_RECORDS, RECORD_BYTES, TooLargeError, batches, pack

CHANGE: dict[str, Any] = {
    "id": "6f1c", "source": "shop", "table": "shop.public.routes", "op": "U", "at": "2026-11-28T03:00:00.123456+00:00",
    "xid": 801, "key": {"id": "7"}, "old": {"id": "7", "v": "größe"}, "new": {"id": "7", "v": None},
}  # fmt: skip


class Firehose:
    """Refuses what it is told to, by the number of the call; keeps what it took."""

    def __init__(self, refuse: Callable[[int, bytes], bool] = lambda call, data: False) -> None:
        self.calls: list[list[bytes]] = []
        self.taken: list[bytes] = []
        self._refuse = refuse

    def put_record_batch(self, *, DeliveryStreamName: str, Records: Sequence[dict[str, bytes]]) -> dict[str, Any]:
        data = [record["Data"] for record in Records]
        refused = [self._refuse(len(self.calls), record) for record in data]
        self.calls.append(data)
        self.taken += [record for record, no in zip(data, refused, strict=True) if not no]
        bad = {"ErrorCode": "ServiceUnavailableException", "ErrorMessage": "Slow down."}
        return {
            "FailedPutCount": sum(refused),
            "RequestResponses": [bad if no else {"RecordId": "r"} for no in refused],
        }


def delivery(firehose: Firehose, pauses: list[float], left: float = 60) -> Delivery:
    return Delivery(put=firehose.put_record_batch, stream="s", sleep=pauses.append, seconds_left=lambda: left)


@pytest.fixture
def lambda_with(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, int]]:
    """Invokes the handler on a Firehose; the client is made anew."""

    def invoke(event: Any, firehose: Firehose, stream: str | None = "changes-{source}") -> dict[str, int]:
        if stream is None:
            monkeypatch.delenv("RDS_LAKE_STREAM", raising=False)
        else:
            monkeypatch.setenv("RDS_LAKE_STREAM", stream)
        monkeypatch.setattr(handler_module, "_firehose", lambda: firehose)
        return handler(event, SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000))

    return invoke


def test_a_change_becomes_one_line_with_everything_it_had(lambda_with: Callable[..., dict[str, int]]) -> None:
    firehose = Firehose()
    assert lambda_with(CHANGE | {"extra": "kept"}, firehose) == {"changes": 1, "records": 1, "calls": 1}
    (record,) = firehose.taken
    assert record.endswith(b"}\n") and record.count(b"\n") == 1
    assert json.loads(record) == CHANGE | {"extra": "kept"}


def test_changes_of_one_statement_share_a_record(lambda_with: Callable[..., dict[str, int]]) -> None:
    firehose = Firehose()
    changes = [CHANGE | {"id": str(number)} for number in range(1000)]
    assert lambda_with(changes, firehose) == {"changes": 1000, "records": 1, "calls": 1}
    assert [json.loads(line)["id"] for line in firehose.taken[0].splitlines()] == [str(n) for n in range(1000)]


@pytest.mark.parametrize(
    ("event", "words"),
    [
        (None, "JSON NoneType"),
        ("x", "JSON str"),
        ([], "empty"),
        (
            {},
            "id is not a text; change 0: source is not a text; change 0: table is not a text; change 0: at is not a text",
        ),
        (CHANGE | {"op": "X"}, "op is not"),
        (CHANGE | {"op": ["U"]}, "op is not"),
        (CHANGE | {"at": "2026-11-28T03:00:00"}, "with a zone"),
        (CHANGE | {"at": "yesterday"}, "at is not a time"),
        (CHANGE | {"xid": True}, "xid"),
        (CHANGE | {"key": {}}, "key is needed"),
        (CHANGE | {"old": None}, "old is needed for op U"),
        (CHANGE | {"op": "I", "new": None}, "new is needed for op I"),
        (CHANGE | {"new": {"id": 7}}, "new is not an object of texts"),
        (CHANGE | {"omitted": "v"}, "omitted"),
        ([CHANGE, 7], "change 1"),
        ([CHANGE, CHANGE | {"source": "other"}], "several sources: other, shop"),
    ],
    ids=str,
)
def test_what_is_no_change_is_refused_with_every_reason_and_nothing_is_sent(
    lambda_with: Callable[..., dict[str, int]], event: Any, words: str
) -> None:
    firehose = Firehose()
    with pytest.raises(BadChangeError, match=words.replace("(", r"\(")):
        lambda_with(event, firehose)
    assert firehose.calls == []


def test_a_refusal_shows_no_value_of_a_row(lambda_with: Callable[..., dict[str, int]]) -> None:
    with pytest.raises(BadChangeError) as caught:
        lambda_with(CHANGE | {"new": {"id": 7, "v": "secret"}}, Firehose())
    assert "secret" not in str(caught.value)


def test_truncate_has_no_key_and_no_images() -> None:
    truncate = CHANGE | {"op": "T", "key": None, "old": None, "new": None}
    assert read_changes(truncate) == [truncate]


def test_of_a_row_that_was_too_large_altogether_only_the_columns_names_are_left() -> None:
    omitted = CHANGE | {"key": None, "old": {}, "new": {}, "omitted": ["id", "v"]}
    assert read_changes(omitted) == [omitted]


def test_without_its_variable_the_function_says_so(lambda_with: Callable[..., dict[str, int]]) -> None:
    with pytest.raises(RuntimeError, match="RDS_LAKE_STREAM is not set"):
        lambda_with(CHANGE, Firehose(), stream=None)


def test_only_the_refused_records_are_sent_again_with_growing_pauses() -> None:
    firehose, pauses = Firehose(lambda call, data: call < 3 and data == b"b"), list[float]()
    assert delivery(firehose, pauses).send([b"a", b"b", b"c"]) == 4
    assert firehose.calls == [[b"a", b"b", b"c"], [b"b"], [b"b"], [b"b"]]
    assert firehose.taken == [b"a", b"c", b"b"], "nothing is delivered twice"
    assert pauses == [0.1, 0.2, 0.4]


def test_records_that_stay_refused_fail_the_invocation() -> None:
    firehose, pauses = Firehose(lambda call, data: data == b"b"), list[float]()
    with pytest.raises(NotDeliveredError, match=r"stream s refused 1 records after 8 calls: .*Slow down"):
        delivery(firehose, pauses).send([b"a", b"b"])
    assert len(pauses) == 7 and max(pauses) == 3.2


def test_an_invocation_fails_before_lambda_ends_it() -> None:
    firehose, pauses = Firehose(lambda call, data: True), list[float]()
    with pytest.raises(NotDeliveredError, match="after 1 calls"):
        delivery(firehose, pauses, left=1.05).send([b"a"])
    assert pauses == []


@given(st.lists(st.binary(min_size=1, max_size=30)), st.integers(30, 60), st.integers(1, 5), st.integers(60, 200))
def test_packing_loses_nothing_keeps_the_order_and_stays_within_the_limits(
    lines: list[bytes], record: int, most: int, size: int
) -> None:
    records = list(pack(lines, most=record))
    assert b"".join(records) == b"".join(lines)
    assert all(0 < len(each) <= record for each in records)
    calls = list(batches(records, most=most, size=size))
    assert [each for call in calls for each in call] == records
    assert all(0 < len(call) <= most and sum(map(len, call)) <= size for call in calls)
    assert len(records) <= 2 * sum(map(len, lines)) // record + 1, "two neighbours fill more than one record"


def test_a_change_that_no_record_can_hold_is_refused_with_a_remedy() -> None:
    fits = b"x" * RECORD_BYTES
    assert list(pack([fits])) == [fits]
    with pytest.raises(TooLargeError, match="1,024,001 bytes"):
        list(pack([fits + b"x"]))


def test_the_limits_are_those_of_the_api() -> None:
    assert (RECORD_BYTES, BATCH_RECORDS, BATCH_BYTES) == (1_024_000, 500, 4_194_304)
    assert len(line_of(CHANGE)) < 5_120, "an invocation with one change is billed as one record of 5 KB"
