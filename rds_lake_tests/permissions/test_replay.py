"""Two days of a lake under exactly the printed policies: nothing is refused, and nothing in the policies is superfluous.

Mutations that must fail: a superfluous statement in `pipeline_policy`; a statement less in it.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from rds_lake.errors import RdsLakeError
from rds_lake.infra.policy.document import PolicyDocument, Statement, fixed
from rds_lake.localcloud.faults.fault_bodies import read_faults
from rds_lake_tests.permissions.journey import Journey
from rds_lake_tests.permissions.lake import policies
from rds_lake_tests.permissions.operations import OPERATIONS
from rds_lake_tests.permissions.replay import Call, Part, allowed, distinct, needs, parsed
from rds_lake_tests.permissions.replay_table import BEGIN, COMMAND, END, PAGE, rows
from rds_lake_tests.permissions.steps import DENIED
from rds_lake_tests.permissions.unused import UNUSED

# The journey takes a minute of a processor's time, and is made once, in the first test.
pytestmark = [pytest.mark.timeout(900), pytest.mark.exhaustive]


def needed(journey: Journey, documents: dict[str, PolicyDocument]) -> dict[Part, Call | None]:
    calls = distinct(journey.steps)
    return {part: call for role, one in documents.items() for part, call in needs(role, one, calls).items()}


def superfluous(parts: dict[Part, Call | None]) -> set[str]:
    """What no call needs: a whole statement, or a part of one that is needed otherwise."""
    whole = {(part.role, part.sid) for part, call in parts.items() if call is None and not part.element}
    return {
        str(part)
        for part, call in parts.items()
        if call is None and (not part.element or (part.role, part.sid) not in whole)
    }


def test_everything_works_and_nothing_is_refused_but_what_a_fault_denies(journey: Journey) -> None:
    refused = [
        (str(call), call.decision.statement) for call in distinct(journey.steps) if call.decision.effect != "allow"
    ]
    assert [(call, statement) for call, statement in refused if statement != "deny fault"] == []
    (failure,) = journey.failures
    assert DENIED in failure, "the one run that a fault denied a right"
    assert {call.role for call in distinct(journey.steps)} >= policies(journey.root.config).keys()


def test_every_statement_action_and_resource_is_needed_by_a_call_or_explained(journey: Journey) -> None:
    unneeded = superfluous(needed(journey, policies(journey.root.config)))
    assert unneeded - UNUSED.keys() == set(), "no call needs it: remove it from the policy, or say why it is there"
    assert UNUSED.keys() - unneeded == set(), "a call needs it by now: remove it from the table"


def test_what_was_recorded_is_decided_the_same_when_it_is_replayed(journey: Journey) -> None:
    roles = {role: parsed(*one.as_dict()["Statement"]) for role, one in policies(journey.root.config).items()}
    own = [call for call in distinct(journey.steps) if (call.decision.statement or "").startswith(f"{call.role}: ")]
    assert len(own) > 300
    assert [str(call) for call in own if not allowed(call, *roles[call.role])] == []


def test_the_page_names_for_each_action_a_call_that_needs_it(journey: Journey) -> None:
    """Which of several calls is refused first depends on the moment: one of those that the page names has to be."""
    page = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    listed = [line.split(" | ") for line in page.splitlines() if line.startswith("| `")]
    found = rows(policies(journey.root.config), distinct(journey.steps))
    assert [cells[:2] for cells in listed] == [row.text.split(" | ")[:2] for row in found], f"run `{COMMAND}`"
    for (statement, action, calls, *_), row in zip(listed, found, strict=True):
        named = set() if calls.startswith("*none") else set(re.findall(r"`([^`]*)`", calls))
        assert named & set(row.operations) or not (named or row.operations), f"{statement} {action}: run `{COMMAND}`"


def test_a_superfluous_statement_or_resource_is_found(journey: Journey) -> None:
    document = policies(journey.root.config)["pipeline"]
    more = Statement(sid="More", reason="", actions=("s3:GetObject",), resources=fixed("arn:aws:s3:::other/*"))
    (first, *rest) = document.statements
    wider = replace(first, resources=(*first.resources, *fixed("arn:aws:rds:us-east-1:123456789012:db:other")))
    changed = {"pipeline": PolicyDocument(statements=(wider, *rest, more))}
    found = superfluous(needed(journey, changed)) - UNUSED.keys()
    assert found == {"pipeline More", f"pipeline {first.sid} arn:aws:rds:us-east-1:123456789012:db:other"}


def test_a_statement_less_breaks_calls_that_are_named(journey: Journey) -> None:
    parts = needed(journey, policies(journey.root.config))
    call = parts[Part(role="pipeline", sid="Notify")]
    assert str(call) == (
        "a denied date: sns.Publish needs sns:Publish on arn:aws:sns:us-east-1:123456789012:rds-lake-alerts"
    )


def test_a_denied_date_is_reported_by_mail_with_the_statement_to_add_and_made_once_the_right_is_back(
    journey: Journey,
) -> None:
    (mail,) = journey.mails.read()
    assert f'{{"Effect": "Allow", "Action": "{DENIED}", "Resource": "arn:aws:rds:' in mail["Message"]
    assert "rds-lake policy" in mail["Message"]
    dates = journey.root.gateways.athena.run("SELECT DISTINCT snapshot_date FROM orders", database="shop").rows
    assert len(dates) == 1


def _statement(text: str) -> dict[str, Any]:
    return json.JSONDecoder().raw_decode(text[text.index('{"Effect"') :])[0]


@pytest.mark.parametrize("action", OPERATIONS)
def test_a_denied_action_is_reported_with_its_statement_and_works_once_it_is_back(
    journey: Journey, action: str
) -> None:
    gateways = journey.permitted.gateways
    before = journey.root.keys("lake/shop/")
    journey.root.cloud.faults.add(read_faults({"deny": [{"action": action, "times": 1}]}))
    with pytest.raises(RdsLakeError) as caught:
        OPERATIONS[action](gateways)
    found = _statement(str(caught.value))
    assert found["Action"].lower() == action.lower()
    assert found["Resource"] == "*" or found["Resource"].startswith("arn:aws:")
    assert "of arn:aws:iam::123456789012:role/pipeline, then repeat; `rds-lake policy`" in str(caught.value)
    assert journey.root.keys("lake/shop/") == before
    OPERATIONS[action](gateways)


def test_each_action_of_the_policy_is_denied_here(journey: Journey) -> None:
    document = policies(journey.root.config)["pipeline"]
    actions = {action for statement in document.statements for action in statement.actions}
    assert actions == OPERATIONS.keys()
