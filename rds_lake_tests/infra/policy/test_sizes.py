"""Many sources: a policy stays within IAM's limits, allows at least what it did, and says what became wider."""

from __future__ import annotations

import json
import string
from fnmatch import fnmatchcase

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rds_lake.infra.policy.document import INLINE_LIMIT, MANAGED_LIMIT, PolicyDocument, Resource, Statement
from rds_lake.infra.policy.pipeline import pipeline_policy
from rds_lake.infra.policy.readers import reader_policy
from rds_lake.infra.policy.widen import fitted
from rds_lake_tests.infra.policy.lakes import NAMES, PSEUDO, many

UNLIMITED = 10**9
TEAMS = ("billing", "orders_eu", "orders_us", "search")


def sources(count: int) -> list[str]:
    return [f"{TEAMS[at % len(TEAMS)]}_{at:04}" for at in range(count)]


def counted(document: PolicyDocument) -> int:
    return len("".join(json.dumps(document.as_dict(), indent=4).split()))


@pytest.mark.parametrize("count", [1, 40, 200, 800])
@pytest.mark.parametrize("limit", [MANAGED_LIMIT, INLINE_LIMIT])
def test_any_number_of_sources_fits_and_everything_needed_is_still_allowed(count: int, limit: int) -> None:
    config = many(sources(count))
    for policy in (pipeline_policy, reader_policy):
        document, exact = policy(config, NAMES, limit=limit), policy(config, NAMES, limit=UNLIMITED)
        assert counted(document) <= limit
        assert document.characters == counted(document), "what it counts is what IAM counts"
        assert bool(document.widened) is (exact.characters > limit)
        for before, after in zip(exact.statements, document.statements, strict=True):
            assert (before.sid, before.actions, before.conditions) == (after.sid, after.actions, after.conditions)
            for resource in before.resources:
                assert any(fnmatchcase(resource.arn, pattern.arn) for pattern in after.resources), resource.arn


def test_forty_sources_keep_patterns_that_begin_as_their_names_do() -> None:
    document = pipeline_policy(many(sources(40)), NAMES)
    (catalogue,) = (one for one in document.statements if one.sid == "KeepTheCatalogue")
    names = [resource.name for resource in catalogue.resources if resource.name]
    assert names
    assert all(name.startswith(tuple(team[:4] for team in TEAMS)) for name in names)


def test_what_a_template_prints_has_room_for_the_longest_region() -> None:
    document = pipeline_policy(many(sources(60)), PSEUDO)
    filled = json.dumps(document.as_dict(), separators=(",", ":"))
    for parameter, value in {"Partition": "aws-us-gov", "Region": "ap-northeast-1", "AccountId": "1" * 12}.items():
        filled = filled.replace(f"${{AWS::{parameter}}}", value)
    assert len(filled) <= INLINE_LIMIT


def named(*names: str) -> Statement:
    return Statement(
        sid="S", reason="", actions=("rds:X",), resources=tuple(Resource(stem="arn:db:", name=name) for name in names)
    )


def test_the_names_with_most_in_common_give_way_first() -> None:
    statement = named("shop-eu-1", "shop-eu-2", "shop-us-1", "billing")
    exact = fitted([statement], UNLIMITED)
    narrow = fitted([statement], exact.characters - 1)
    assert [resource.name for resource in narrow.statements[0].resources] == ["billing", "shop-eu-*", "shop-us-1"]
    assert narrow.widened == ("S: arn:db:shop-eu-* takes the place of 2 names",)
    assert [resource.name for resource in fitted([statement], 0).statements[0].resources] == ["*"]


def test_no_more_names_give_way_than_it_takes() -> None:
    statement = named("a-1", "a-2", "b-1", "b-2")
    narrow = fitted([statement], fitted([statement], UNLIMITED).characters - 1)
    assert [resource.name for resource in narrow.statements[0].resources] == ["a-*", "b-1", "b-2"]


def test_what_a_wider_resource_of_the_statement_covers_is_not_repeated() -> None:
    both = Statement(
        sid="S", reason="", actions=("a:B",), resources=(Resource(stem="arn:x:*"), Resource(stem="arn:x:", name="y"))
    )
    assert [resource.arn for resource in fitted([both], UNLIMITED).statements[0].resources] == ["arn:x:*"]


_NAMES = st.lists(
    st.text(string.ascii_lowercase + "-_.", min_size=1, max_size=12), min_size=1, max_size=30, unique=True
)


@example(["a", "ab", "abc"], 100)
@given(_NAMES, st.integers(0, 2000))
def test_whatever_the_names_every_one_stays_allowed_and_the_limit_holds_where_it_can(
    names: list[str], limit: int
) -> None:
    statement = named(*names)
    document = fitted([statement], limit)
    patterns = [resource.name for resource in document.statements[0].resources]
    assert all(any(fnmatchcase(name, pattern) for pattern in patterns) for name in names)
    assert document.characters <= max(limit, fitted([statement], 0).characters)
    assert document == fitted([named(*reversed(names))], limit), "the order in lake.yaml decides nothing"
    said = sum(int(line.split()[-2]) for line in document.widened)
    assert said == sum(1 for name in names if name not in patterns)


@given(_NAMES)
def test_a_policy_that_fits_is_exact(names: list[str]) -> None:
    statement = named(*names)
    exact = fitted([statement], UNLIMITED)
    assert fitted([statement], exact.characters) == exact
    assert exact.widened == ()
    assert {resource.name for resource in exact.statements[0].resources} == set(names)
