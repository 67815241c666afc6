"""Looks go on at once, each within its time, and one that cannot be decided stops no other."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rds_lake.errors import AwsError, UnavailableError
from rds_lake.infra.doctor.examine import Pace, examine
from rds_lake.infra.doctor.findings import Examination, Finding, Row, Seen, Verdict, bad, doubtful, good
from rds_lake.infra.doctor.patient import Patient
from rds_lake_tests.infra.template.lakes import config_of

PATIENT = Patient(config=config_of("rds"), answers=None, now=lambda: datetime.now(UTC))  # type: ignore[arg-type]


def looking(name: str, look: Callable[[Any], Seen], *after: str) -> Examination:
    row = Row(id=f"test.{name}", looks_at="Something.", remedy="do something")
    return Examination(row=row, look=look, after=tuple((f"test.{before}", "") for before in after))


def found(*examinations: Examination, **pace: Any) -> dict[str, Finding]:
    every = examine(examinations, PATIENT, Pace(**({"clock": time.monotonic, "threads": 4} | pace)))
    assert [one.row.id for one in every] == [one.row.id for one in examinations]
    return {one.row.id.removeprefix("test."): one for one in every}


def test_what_stands_on_a_failure_is_not_looked_at_and_the_rest_is() -> None:
    findings = found(
        looking("late", lambda _: good("fine"), "middle"),
        looking("middle", lambda _: good("fine"), "first"),
        looking("first", lambda _: bad("gone")),
        looking("other", lambda _: good("fine")),
    )
    assert {name: one.verdict.value for name, one in findings.items()} == {
        "late": "not looked at",
        "middle": "not looked at",
        "first": "fail",
        "other": "pass",
    }
    assert findings["middle"].seen == "test.first comes first"
    assert (findings["first"].remedy, findings["other"].remedy) == ("do something", "")


def test_after_a_doubt_or_an_unknown_the_rest_is_looked_at() -> None:
    def denied(_: Any) -> Seen:
        raise AwsError(service="s3", operation="GetBucketEncryption", code="AccessDenied", message="Access Denied")

    def away(_: Any) -> Seen:
        raise UnavailableError("nothing answers")

    findings = found(
        looking("denied", denied),
        looking("away", away),
        looking("doubt", lambda _: doubtful("hm")),
        looking("rest", lambda _: good("fine"), "denied", "away", "doubt"),
    )
    assert findings["rest"].verdict is Verdict.PASS
    assert findings["denied"].verdict is findings["away"].verdict is Verdict.UNKNOWN
    assert findings["denied"].missing == ("s3:GetEncryptionConfiguration",)
    assert findings["away"].missing == ()


def test_a_look_that_takes_too_long_is_unknown_and_keeps_nobody() -> None:
    hanging = threading.Event()

    def hang(_: Any) -> Seen:
        hanging.wait(300)
        return good("at last")

    begun = time.monotonic()
    findings = found(looking("hangs", hang), looking("other", lambda _: good("fine")), seconds=0.2)
    assert time.monotonic() - begun < 100
    hanging.set()
    assert findings["hangs"].verdict is Verdict.UNKNOWN
    assert "no answer within 0.2 s" in findings["hangs"].seen
    assert findings["other"].verdict is Verdict.PASS


def test_looks_go_on_at_once() -> None:
    meet = threading.Barrier(4, timeout=120)

    def together(_: Any) -> Seen:
        meet.wait()
        return good("met")

    findings = found(*(looking(str(number), together) for number in range(4)))
    assert {one.seen for one in findings.values()} == {"met"}
