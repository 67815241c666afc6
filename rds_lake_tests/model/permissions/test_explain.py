"""A denial names what AWS names, and what would end it."""

from __future__ import annotations

from typing import Any

import pytest

from rds_lake.model.permissions.documents import parse_policy
from rds_lake.model.permissions.evaluate import Decision, evaluate
from rds_lake.model.permissions.explain import message
from rds_lake.model.permissions.policy import Policy, PolicyType
from rds_lake.model.permissions.request import Principal, Request
from rds_lake_tests.model.permissions.mended import missing_statement
from rds_lake_tests.model.permissions.samples import (
    EVENTS,
    KEY,
    OBJECT,
    OURS,
    QUEUE,
    ROLE,
    SESSION,
    allow,
    deny,
    document,
    identity,
    of_resource,
    trust,
    who,
)

SNAPSHOT = f"arn:aws:rds:eu-west-1:{OURS}:snapshot:rds:shop-2026-11-20"


def denied(caller: Principal, action: str, resource: str, policy: Policy | None = None) -> tuple[str, Any, Decision]:
    request = Request(action=action, resource=resource, account=OURS)
    decision = evaluate(request, caller, resource_policy=policy)
    assert not decision.allowed
    return message(request, caller, decision), missing_statement(request, caller, decision), decision


def test_a_denial_reads_as_aws_writes_it_and_gives_the_statement_to_add() -> None:
    said, statement, decision = denied(who(SESSION), "rds:StartExportTask", SNAPSHOT)
    assert said == (
        f"User: {SESSION} is not authorized to perform: rds:StartExportTask on resource: {SNAPSHOT} "
        "because no identity-based policy allows the rds:StartExportTask action"
    )
    assert statement == {"Effect": "Allow", "Action": "rds:StartExportTask", "Resource": SNAPSHOT}
    assert decision.policy_type is PolicyType.IDENTITY
    parse_policy(document(statement), name="mended")


def test_an_explicit_deny_is_not_ended_by_another_allow() -> None:
    caller = who(SESSION, identity(allow(), deny("s3:*", Sid="NoS3")))
    said, statement, decision = denied(caller, "s3:GetObject", OBJECT)
    assert said.endswith("with an explicit deny in an identity-based policy")
    assert statement is None
    assert decision.statement == "identity: NoS3"


@pytest.mark.parametrize(
    ("caller", "action", "resource", "policy", "statement"),
    [
        (
            who(EVENTS),
            "sqs:SendMessage",
            QUEUE,
            None,
            {"Effect": "Allow", "Principal": {"Service": EVENTS}, "Action": "sqs:SendMessage", "Resource": QUEUE},
        ),
        (
            who(SESSION, identity(allow())),
            "kms:Decrypt",
            KEY,
            of_resource(allow(Principal={"Service": EVENTS})),
            {"Effect": "Allow", "Principal": {"AWS": ROLE}, "Action": "kms:Decrypt", "Resource": "*"},
        ),
        (
            who("export.rds.amazonaws.com"),
            "sts:AssumeRole",
            ROLE,
            trust({"Service": EVENTS}),
            {"Effect": "Allow", "Principal": {"Service": "export.rds.amazonaws.com"}, "Action": "sts:AssumeRole"},
        ),
        (
            who("*"),
            "s3:GetObject",
            OBJECT,
            None,
            {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": OBJECT},
        ),
    ],
    ids=["queue", "key", "role", "bucket"],
)
def test_the_statement_belongs_where_the_allow_is_missing(
    caller: Principal, action: str, resource: str, policy: Policy | None, statement: dict[str, Any]
) -> None:
    _, found, decision = denied(caller, action, resource, policy)
    assert found == statement
    assert decision.policy_type is not None
    assert decision.policy_type.names_principals


def test_a_boundary_is_named_as_the_place() -> None:
    caller = who(SESSION, identity(allow()), boundary=identity(allow("sqs:*")))
    assert denied(caller, "s3:GetObject", OBJECT)[2].policy_type is PolicyType.BOUNDARY


def test_an_allowed_request_needs_nothing() -> None:
    request = Request(action="s3:GetObject", resource=OBJECT, account=OURS)
    caller = who(SESSION, identity(allow()))
    decision = evaluate(request, caller)
    assert missing_statement(request, caller, decision) is None
