"""Wildcards and variables in a policy's texts."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rds_lake.model.permissions.patterns import parse_arn_pattern, parse_pattern


def fits(pattern: str, value: str, **context: str) -> bool:
    found = parse_pattern(pattern, variables=True)
    return found.matches(value, {key.replace("__", ":"): (text,) for key, text in context.items()})


def naive(pattern: str, value: str) -> bool:
    """What `*` and `?` mean, in the fewest words."""
    if not pattern:
        return not value
    if pattern[0] == "*":
        return naive(pattern[1:], value) or (bool(value) and naive(pattern, value[1:]))
    return bool(value) and pattern[0] in ("?", value[0]) and naive(pattern[1:], value[1:])


@given(st.text("ab/:*?.\n", max_size=9), st.text("ab/:.\n", max_size=9))
@example("a*b*b", "abab")
@example("**a", "a")
@example("a.b", "axb")
def test_a_pattern_matches_what_its_wildcards_mean(pattern: str, value: str) -> None:
    assert fits(pattern, value) == naive(pattern, value)


@pytest.mark.parametrize(
    ("pattern", "value"),
    [
        ("a*" * 1000 + "b", "a" * 3000),
        ("*a" * 1000, "a" * 999),
        ("*" * 6000 + "x", "y" * 6000),
        ("?*" * 1000 + "b", "a" * 4000),
    ],
    ids=["a*a*…b", "*a*a…", "***…x", "?*?*…b"],
)
def test_no_pattern_takes_long(pattern: str, value: str) -> None:
    begun = time.monotonic()
    assert not fits(pattern, value)
    assert time.monotonic() - begun < 60


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_resource.html
@pytest.mark.parametrize(
    ("key", "matched"),
    [
        ("1/test/object.jpg", True),
        ("1/2/test/3/object.jpg", True),
        ("1///test///object.jpg", True),
        ("/test/object.jpg", True),
        ("1/test/", True),
        ("1-test/object.jpg", False),
        ("test/object.jpg", False),
        ("1/2/test.jpg", False),
    ],
)
def test_an_asterisk_spans_slashes_as_in_aws_examples(key: str, matched: bool) -> None:
    assert fits("arn:aws:s3:::bucket/*/test/*", f"arn:aws:s3:::bucket/{key}") == matched


def test_an_asterisk_at_the_end_of_an_arns_segment_spans_colons() -> None:
    assert fits("arn:aws:rds:eu-west-1:*", "arn:aws:rds:eu-west-1:111122223333:snapshot:rds:shop")
    assert fits("arn:aws:rds:*:snapshot:rds:shop", "arn:aws:rds:eu-west-1:111122223333:snapshot:rds:shop")


def test_a_variable_is_replaced_by_the_requests_value_and_compared_as_plain_text() -> None:
    assert fits("home/${aws:username}/*", "home/anna/x", aws__username="anna")
    assert fits("home/${AWS:UserName}/*", "home/anna/x", aws__username="anna")
    assert not fits("home/${aws:username}/*", "home/anna/x", aws__username="*")
    assert not fits("home/${aws:username}/*", "home/anna/x", aws__username="ann?")


def test_a_variable_without_a_value_matches_nothing_but_its_default_does() -> None:
    assert not fits("home/${aws:username}*", "home/")
    assert fits("home/${aws:PrincipalTag/team, 'everybody'}", "home/everybody")
    assert fits("home/${aws:PrincipalTag/team, 'everybody'}", "home/lake", **{"aws:principaltag/team": "lake"})
    assert not parse_pattern("${aws:tagkeys}", variables=True).matches("a", {"aws:tagkeys": ("a", "b")})


def test_special_characters_are_written_as_variables() -> None:
    assert fits("a${*}b${?}c${$}", "a*b?c$")
    assert not fits("a${*}b", "axb")
    assert fits("$a$${*}", "$a$*")


def test_before_2012_there_are_no_variables() -> None:
    assert parse_pattern("home/${aws:username}", variables=False).matches("home/${aws:username}", {})


@pytest.mark.parametrize("text", ["${", "a${aws:username", "${}", "${ }", "${a b}", "${a, b}", "${*}${"])
def test_a_variable_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\$\{"):
        parse_pattern(text, variables=True)


def test_an_arns_pattern_has_six_parts_and_a_variables_colon_is_none_of_theirs() -> None:
    parts = parse_arn_pattern("arn:aws:s3:::b/${aws:username}:x:*", variables=True)
    assert parts is not None
    assert [part.matches("b/anna:x:y", {"aws:username": ("anna",)}) for part in parts] == [False] * 5 + [True]
    assert parse_arn_pattern("arn:aws:s3:::", variables=True) is not None
    assert parse_arn_pattern("arn:aws:s3", variables=True) is None
