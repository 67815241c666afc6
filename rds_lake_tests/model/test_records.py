"""What a record's values may be: nothing is converted, and every wrong field is named."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

import pytest

from rds_lake.convert.spark.request import parse_request, render_request
from rds_lake.errors import ManifestError, NewerRecordError
from rds_lake.model import records
from rds_lake.model.records import read_record, value_of
from rds_lake_tests.test_records import sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    at: datetime
    day: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    name: str
    number: int
    flag: bool
    kind: Literal["work", "removal"] = "work"
    steps: tuple[Step, ...] = ()
    counts: Mapping[str, int] | None = None


GOOD: dict[str, Any] = {"name": "x", "number": 1, "flag": True}


def test_a_record_is_its_dataclass_and_what_that_does_not_have_is_ignored() -> None:
    body = GOOD | {
        "steps": [{"at": "2026-11-20T01:00:00+00:00", "day": "2026-11-20"}],
        "counts": {"a": 2},
        "later": [1],
    }
    step = Step(at=datetime(2026, 11, 20, 1, tzinfo=UTC), day=date(2026, 11, 20))
    assert value_of(Record, body) == Record(name="x", number=1, flag=True, steps=(step,), counts={"a": 2})


@pytest.mark.parametrize("number", [-(2**63), 2**63 - 1])
def test_numbers_of_64_bits_are_read(number: int) -> None:
    assert value_of(int, number) == number


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (str, [None, 1, True, [], {}]),
        (int, [None, "1", "", True, False, 1.0, 1.5, 1e3, 2**63, -(2**63) - 1, [1]]),
        (bool, [None, 0, 1, "true", "True", "yes"]),
        (date, [None, "", 20261120, "1700000000", "2026-13-01", "2026-11-20T00:00:00", "20.11.2026"]),
        (datetime, [None, "", 1700000000, "1700000000", "1.7e9", "2026-11-20", "2026-11-20T00:00:00", "P1D"]),
        (Literal["work", "removal"], [None, "", "Work", 1, ["work"]]),
        (tuple[str, ...], [None, "abc", {"a": 1}, [1], [None]]),
        (Mapping[str, int], [None, [], "x", {"a": "1"}, {"a": True}, [["a", 1]]]),
        (Step, [None, [], "x", {}, [["at", "2026-11-20T01:00:00+00:00"]]]),
    ],
    ids=str,
)
def test_nothing_is_converted(kind: Any, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(ValueError, match=r"not |missing"):
            value_of(kind, value)


def test_every_wrong_field_is_named_with_its_place_and_what_it_is() -> None:
    body = {"number": "7", "flag": True, "steps": [{"at": "2026-11-20T01:00:00+00:00"}, {"at": "2026-11-20T01:00:00"}]}
    with pytest.raises(ValueError, match="name is missing") as caught:
        value_of(Record, body)
    said = str(caught.value)
    assert "number: Input should be a valid integer, not '7'" in said
    assert "steps[1].at: Input should be a time with its zone, not '2026-11-20T01:00:00'" in said


def test_an_error_is_read_by_a_person_however_much_is_wrong() -> None:
    with pytest.raises(ValueError, match=r"and 995 more$") as caught:
        value_of(tuple[int, ...], ["x" * 10_000] * 1000)
    assert len(str(caught.value)) < 1000


def test_a_damaged_record_has_its_remedy_and_a_newer_one_is_no_damaged_one() -> None:
    with pytest.raises(ManifestError, match=r"s3://b/k is damaged \(number: .*\); delete it"):
        read_record(
            Record,
            '{"version": 1, "name": "", "number": null, "flag": true}',
            where="s3://b/k",
            known=(1,),
            remedy="delete it",
        )
    with pytest.raises(NewerRecordError, match="update rds-lake"):
        read_record(Record, '{"version": 2}', where="s3://b/k", known=(1,), remedy="delete it")


def test_the_spark_job_reads_its_request_on_a_cluster_without_pydantic(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pydantic", "pydantic_core"):
        monkeypatch.setitem(sys.modules, name, None)
    runpy.run_path(records.__file__)
    request = parse_request(sample("job.request"))
    assert render_request(request) == sample("job.request")
