"""Patterns of EventBridge rules match what EventBridge says they match, and what moto's rules match."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.events.models import EventPattern

from rds_lake.model.events.pattern import event_fits

EVENT: dict[str, Any] = {
    "source": "aws.s3",
    "detail": {
        "bucket": {"name": "acme"},
        "object": {"key": "exports/a/manifest-files.json", "size": 7},
        "tags": ["a", "b"],
    },
}


@pytest.mark.parametrize(
    ("pattern", "fits"),
    [
        ({}, True),
        ({"source": ["aws.rds", "aws.s3"]}, True),
        ({"source": ["aws.rds"]}, False),
        ({"detail": {"bucket": {"name": ["acme"]}}, "source": ["aws.s3"]}, True),
        ({"detail": {"bucket": {"name": ["other"]}}}, False),
        ({"detail": {"object": {"key": [{"suffix": "/manifest-files.json"}]}}}, True),
        ({"detail": {"object": {"key": [{"prefix": "imports/"}]}}}, False),
        ({"detail": {"object": {"key": [{"wildcard": "exports/*/manifest-*.json"}]}}}, True),
        ({"detail": {"object": {"size": [{"numeric": [">", 5, "<=", 7]}]}}}, True),
        ({"detail": {"object": {"size": [{"numeric": ["<", 7]}]}}}, False),
        ({"detail": {"object": {"size": ["7"]}}}, False),
        ({"detail": {"tags": ["b"]}}, True),
        ({"detail": {"EventID": [{"exists": False}]}}, True),
        ({"detail": {"EventID": [{"exists": True}]}}, False),
        ({"detail": {"EventID": ["RDS-EVENT-0091", {"exists": False}]}}, True),
        ({"resources": {"inner": [{"exists": False}]}}, True),
        ({"source": [{"anything-but": ["aws.rds"]}]}, True),
        ({"source": [{"anything-but": {"prefix": "aws."}}]}, False),
        ({"source": [{"equals-ignore-case": "AWS.S3"}]}, True),
        ({"source": [{"prefix": {"equals-ignore-case": "AWS."}}]}, True),
        ({"$or": [{"source": ["aws.rds"]}, {"detail": {"tags": ["a"]}}]}, True),
        ({"$or": [{"source": ["aws.rds"]}, {"detail": {"tags": ["c"]}}], "source": ["aws.s3"]}, False),
    ],
)
def test_a_pattern_takes_what_eventbridge_says_it_takes(pattern: dict[str, Any], fits: bool) -> None:
    assert event_fits(pattern, EVENT) is fits


@pytest.mark.parametrize(
    "pattern", [{"source": "aws.s3"}, {"source": [{"cidr": "10.0.0.0/8"}]}, {"source": [{"a": 1, "b": 2}]}]
)
def test_what_is_not_understood_is_said_and_not_guessed(pattern: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        event_fits(pattern, EVENT)


_WORDS = st.sampled_from(["a", "ab", "abc", "b"])
_LEAVES = st.lists(
    _WORDS
    | st.builds(lambda word: {"prefix": word}, _WORDS)
    | st.builds(lambda word: {"suffix": word}, _WORDS)
    | st.sampled_from([{"exists": True}, {"exists": False}]),
    min_size=1,
    max_size=3,
)
_KEYS = st.sampled_from(["x", "y"])
_PATTERNS = st.dictionaries(_KEYS, _LEAVES | st.dictionaries(_KEYS, _LEAVES, min_size=1), min_size=1)
_EVENTS = st.dictionaries(_KEYS, _WORDS | st.lists(_WORDS, min_size=1) | st.dictionaries(_KEYS, _WORDS, min_size=1))


def _flat(event: dict[str, Any], pattern: dict[str, Any]) -> bool:
    """Whether both have objects in the same places: elsewhere moto fails."""
    return all(
        isinstance(event.get(key, {}), dict) == isinstance(wanted, dict) or key not in event
        for key, wanted in pattern.items()
    )


@given(pattern=_PATTERNS, event=_EVENTS)
def test_it_decides_as_the_local_clouds_rules_do(pattern: dict[str, Any], event: dict[str, Any]) -> None:
    if _flat(event, pattern):
        sent: Any = event
        assert event_fits(pattern, event) is bool(EventPattern("{}", pattern).matches_event(sent))
