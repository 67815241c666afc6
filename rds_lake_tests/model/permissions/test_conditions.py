"""Condition operators, one by one, as AWS documents them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

from typing import Any

import pytest

from rds_lake.model.permissions.operators import OPERATORS
from rds_lake_tests.model.permissions.samples import USER, allow, ask, deny, identity, who

EVENING = "2026-11-20T21:00:00Z"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:alarms"


def met(operator: str, wanted: Any, *values: str) -> bool:
    """Whether a request with these values of `k` meets the condition; without values it does not have the key."""
    policy = identity(allow(Condition={operator: {"k": wanted}}))
    keys: dict[str, Any] = {"K": values} if values else {}
    return ask(who(USER, policy), **keys).allowed


@pytest.mark.parametrize(
    ("operator", "wanted", "value", "expected"),
    [
        ("StringEquals", "lake/", "lake/", True),
        ("StringEquals", "lake/", "Lake/", False),
        ("StringEquals", "lake/*", "lake/a", False),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringEqualsIgnoreCase", "Lake", "lAKE", True),
        ("StringNotEqualsIgnoreCase", "Lake", "lAKE", False),
        ("StringLike", "lake/*", "lake/a/b", True),
        ("StringLike", "lake/?", "lake/", False),
        ("StringLike", ["", "home/"], "", True),
        ("StringNotLike", ["x*", "lake/*"], "lake/a", False),
        ("StringNotLike", ["x*", "lake/*"], "other", True),
        ("StringLike", "${aws:username}/*", "anna/x", True),
        ("StringEquals", "${aws:PrincipalTag/team}", "", False),
        ("StringNotLike", "${aws:PrincipalTag/team}", "x", True),
        ("NumericEquals", "10", "10.0", True),
        ("NumericEquals", 10, "10", True),
        ("NumericNotEquals", "10", "10", False),
        ("NumericLessThan", "10", "9.99", True),
        ("NumericLessThan", "10", "10", False),
        ("NumericLessThanEquals", "10", "10", True),
        ("NumericGreaterThan", ["5", "20"], "6", True),
        ("NumericGreaterThan", "10", "10", False),
        ("NumericGreaterThanEquals", "10", "10", True),
        ("NumericLessThan", "10", "many", False),
        ("DateEquals", "2026-11-20T22:00:00+01:00", EVENING, True),
        ("DateEquals", "2026-11-20", "1795132800", True),
        ("DateNotEquals", EVENING, EVENING, False),
        ("DateLessThan", "2026-11-21", EVENING, True),
        ("DateLessThan", "2026-11", EVENING, False),
        ("DateLessThanEquals", EVENING, EVENING, True),
        ("DateGreaterThan", "2026", EVENING, True),
        ("DateGreaterThan", EVENING, EVENING, False),
        ("DateGreaterThanEquals", EVENING, "2026-11-20T21:00:00.5Z", True),
        ("DateGreaterThan", "2026", "yesterday", False),
        ("Bool", "true", "true", True),
        ("Bool", False, "false", True),
        ("Bool", "false", "true", False),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ6", False),
        ("IpAddress", "203.0.113.0/24", "203.0.113.77", True),
        ("IpAddress", ["10.0.0.1", "2001:DB8::/32"], "2001:db8::1", True),
        ("IpAddress", "10.0.0.1", "10.0.0.2", False),
        ("IpAddress", "10.0.0.0/8", "nowhere", False),
        ("NotIpAddress", "203.0.113.0/24", "203.0.113.77", False),
        ("NotIpAddress", "203.0.113.0/24", "::1", True),
        ("ArnLike", "arn:aws:sns:*:111122223333:a*", TOPIC, True),
        ("ArnEquals", "arn:aws:sns:*:*:*", TOPIC, True),
        ("ArnLike", "arn:aws:sns:*:alarms:*", TOPIC, False),
        ("ArnNotLike", "arn:aws:sns:*:*:*", TOPIC, False),
        ("ArnNotEquals", "arn:aws:sns:*:*:other", TOPIC, True),
        ("ArnLike", "arn:*:*:*:*:*", "no ARN", False),
    ],
)
def test_an_operator_compares_as_aws_documents(operator: str, wanted: Any, value: str, expected: bool) -> None:
    assert met(operator, wanted, value) == expected


def test_an_asterisk_in_an_arn_condition_stays_within_its_part_and_in_a_string_condition_does_not() -> None:
    pattern = "arn:aws:someservice:*:111122223333:finance/*"
    value = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"
    assert met("StringLike", pattern, value)
    assert not met("ArnLike", pattern, value)


def _sample(operator: str) -> str:
    for beginning, value in {"Bool": "true", "Arn": TOPIC, "Binary": "QQ==", "Ip": "::1", "NotIp": "::1"}.items():
        if operator.startswith(beginning):
            return value
    return "2026"


@pytest.mark.parametrize("operator", [name for name in OPERATORS if name != "Null"])
def test_a_key_that_the_request_does_not_have_meets_negated_operators_only(operator: str) -> None:
    wanted = _sample(operator)
    assert met(operator, wanted) == ("Not" in operator)
    assert met(f"{operator}IfExists", wanted)
    assert met(f"ForAllValues:{operator}", wanted)
    assert not met(f"ForAnyValue:{operator}", wanted)
    assert met(f"ForAllValues:{operator}IfExists", wanted)


@pytest.mark.parametrize("operator", ["StringEquals", "StringLike"])
def test_if_exists_still_compares_a_key_that_is_there(operator: str) -> None:
    assert not met(f"{operator}IfExists", "a", "b")
    assert met(f"{operator}IfExists", "a", "a")


def test_null_asks_whether_the_request_has_the_key() -> None:
    assert met("Null", "true")
    assert not met("Null", "true", "x")
    assert met("Null", False, "x")
    assert not met("Null", "false")


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-single-vs-multi-valued-context-keys.html
@pytest.mark.parametrize(
    ("operator", "values", "expected"),
    [
        ("ForAllValues:StringEquals", ["Message", "Tags"], True),
        ("ForAllValues:StringEquals", ["Message", "UserName"], False),
        ("ForAnyValue:StringEquals", ["Message", "UserName"], True),
        ("ForAnyValue:StringEquals", ["UserName"], False),
        ("ForAllValues:StringNotEquals", ["UserName", "ID2"], True),
        ("ForAllValues:StringNotEquals", ["UserName", "ID"], False),
        ("ForAnyValue:StringNotEquals", ["UserName", "ID"], True),
        ("ForAnyValue:StringNotEquals", ["ID"], False),
        ("ForAllValues:StringEquals", [""], True),
        ("ForAnyValue:StringEquals", [""], False),
    ],
)
def test_keys_with_several_values_are_compared_value_by_value(operator: str, values: list[str], expected: bool) -> None:
    assert met(operator, ["ID", "Message", "Tags"], *values) == expected


def test_several_values_without_for_all_or_for_any_are_not_met() -> None:
    assert not met("StringEquals", ["a", "b"], "a", "b")
    assert not met("StringNotEquals", "x", "a", "b")


def test_all_keys_and_all_operators_must_be_met() -> None:
    both = {"StringEquals": {"a": "1", "b": "2"}, "Bool": {"c": "true"}}
    caller = who(USER, identity(allow(Condition=both)))
    assert ask(caller, a="1", b="2", c="true").allowed
    assert not ask(caller, a="1", b="3", c="true").allowed
    assert not ask(caller, a="1", b="2", c="false").allowed


def test_aws_example_of_a_deny_without_tls_leaves_tls_alone() -> None:
    caller = who(USER, identity(allow(), deny("s3:*", Condition={"Bool": {"aws:SecureTransport": "false"}})))
    assert ask(caller, aws__SecureTransport="true").allowed
    assert ask(caller, aws__SecureTransport="false").effect == "explicit deny"


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:PrincipalArn", USER),
        ("aws:PrincipalAccount", "111122223333"),
        ("aws:ResourceAccount", "111122223333"),
        ("aws:username", "anna"),
        ("kms:CallerAccount", "111122223333"),
        ("aws:PrincipalIsAWSService", "false"),
    ],
)
def test_keys_that_follow_from_the_principal_need_not_be_given(key: str, value: str) -> None:
    assert ask(who(USER, identity(allow(Condition={"StringEquals": {key: value}})))).allowed
    assert not ask(who(USER, identity(allow(Condition={"StringEquals": {key: "x"}})))).allowed
