"""What holds for every decision, whatever the policies."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from rds_lake.model.permissions.documents import parse_policy
from rds_lake.model.permissions.evaluate import Decision, evaluate
from rds_lake.model.permissions.policy import PolicyType
from rds_lake.model.permissions.request import Principal, Request
from rds_lake_tests.model.permissions.mended import missing_statement
from rds_lake_tests.model.permissions.samples import (
    ACTIONS,
    ARNS,
    EVENTS,
    OURS,
    RESOURCES,
    ROOT,
    THEIRS,
    Document,
    contexts,
    documents,
    statements,
    who,
)

Case = dict[str, Document | None]

cases = st.fixed_dictionaries(
    {
        "identity": documents(),
        "boundary": st.none() | documents(),
        "session": st.none() | documents(),
        "resource": st.none() | documents(with_principal=True),
    }
)
callers = st.sampled_from([*ARNS, ROOT, EVENTS, "*"])
requests = st.builds(
    lambda action, resource, account, context: Request(
        action=action, resource=resource, account=account, context=context
    ),
    st.sampled_from(ACTIONS),
    st.sampled_from(RESOURCES),
    st.sampled_from([OURS, OURS, THEIRS]),
    contexts,
)


def decide(case: Mapping[str, Document | None], caller: str, request: Request) -> Decision:
    parsed = {
        place: parse_policy(
            written, name=place, kind=PolicyType.RESOURCE if place == "resource" else PolicyType.IDENTITY
        )
        for place, written in case.items()
        if written is not None
    }
    somebody = who(caller, parsed["identity"], boundary=parsed.get("boundary"), session=parsed.get("session"))
    return evaluate(request, somebody, resource_policy=parsed.get("resource"))


def with_statement(case: Case, place: str, statement: Document) -> Case:
    written = case[place]
    assert written is not None
    return {**case, place: {**written, "Statement": [*written["Statement"], statement]}}


def drawn_statement(data: st.DataObject, case: Case) -> tuple[str, Document]:
    place = data.draw(st.sampled_from([place for place, written in case.items() if written is not None]))
    return place, data.draw(statements(with_principal=place == "resource"))


@settings(max_examples=60)
@given(cases, callers, requests, st.data())
def test_one_more_allow_never_takes_away_and_one_more_deny_never_gives(
    case: Case, caller: str, request: Request, data: st.DataObject
) -> None:
    before = decide(case, caller, request)
    place, statement = drawn_statement(data, case)
    more = decide(with_statement(case, place, {**statement, "Effect": "Allow"}), caller, request)
    less = decide(with_statement(case, place, {**statement, "Effect": "Deny"}), caller, request)
    assert more.allowed or not before.allowed
    assert before.allowed or not less.allowed
    assert (before.effect == "explicit deny") == (more.effect == "explicit deny")


@settings(max_examples=40)
@given(cases, callers, requests, st.randoms(use_true_random=False))
def test_the_order_of_statements_makes_no_difference(case: Case, caller: str, request: Request, random: Random) -> None:
    def shuffled(written: Document | None) -> Document | None:
        return written and {**written, "Statement": random.sample(written["Statement"], len(written["Statement"]))}

    other = {place: shuffled(written) for place, written in case.items()}
    assert decide(case, caller, request).effect == decide(other, caller, request).effect


@settings(max_examples=40)
@given(cases, callers, requests)
def test_a_decision_names_its_statement_or_says_which_policy_lacks_one(
    case: Case, caller: str, request: Request
) -> None:
    decision = decide(case, caller, request)
    if decision.effect == "implicit deny":
        assert decision.statement is None
        assert decision.reason == f"because no {decision.policy_type} allows the {request.action} action"
    elif decision.effect == "explicit deny":
        assert decision.statement is not None
        assert decision.reason.startswith("with an explicit deny in ")
    else:
        assert decision.statement
        assert (decision.reason, decision.policy_type) == ("", None)


@settings(max_examples=60)
@given(cases, callers, requests)
def test_the_statements_that_are_advised_end_the_denial(case: Case, caller: str, request: Request) -> None:
    """At most one for each type of policy that must allow the request."""
    places = {PolicyType.IDENTITY: "identity", PolicyType.BOUNDARY: "boundary", PolicyType.SESSION: "session"}
    decision = decide(case, caller, request)
    for _ in places.keys() | {PolicyType.RESOURCE}:
        statement = missing_statement(request, who(caller), decision)
        if statement is None or decision.policy_type is None:
            break
        place = places.get(decision.policy_type, "resource")
        if case[place] is None:
            case = {**case, place: {"Version": "2012-10-17", "Statement": []}}
        case = with_statement(case, place, dict(statement))
        decision = decide(case, caller, request)
    assert decision.effect != "implicit deny"


@settings(max_examples=40)
@given(documents(), requests)
def test_a_policy_gives_a_service_or_a_stranger_nothing_by_itself(written: Document, request: Request) -> None:
    policy = parse_policy(written, name="identity")
    for caller in (Principal(arn=EVENTS, account="", policies=(policy,), service=True), who("*", policy)):
        assert not evaluate(request, caller).allowed
