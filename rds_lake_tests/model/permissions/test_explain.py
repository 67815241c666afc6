"""A denial names what AWS names, and what would end it."""

from __future__ import annotations

from typing import Any

import pytest

from rds_lake.model.permissions.documents import parse_policy
from rds_lake.model.permissions.evaluate import evaluate
from rds_lake.model.permissions.explain import advice, message, missing_statement, unmet_conditions
from rds_lake.model.permissions.policy import Policy
from rds_lake.model.permissions.request import Principal, Request
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


def denied(caller: Principal, action: str, resource: str, policy: Policy | None = None) -> tuple[str, Any, str]:
    request = Request(action=action, resource=resource, account=OURS)
    decision = evaluate(request, caller, resource_policy=policy)
    assert not decision.allowed
    found = message(request, caller, decision), missing_statement(request, caller, decision)
    return *found, advice(request, caller, decision)


def test_a_denial_reads_as_aws_writes_it_and_gives_the_statement_to_add() -> None:
    said, statement, todo = denied(who(SESSION), "rds:StartExportTask", SNAPSHOT)
    assert said == (
        f"User: {SESSION} is not authorized to perform: rds:StartExportTask on resource: {SNAPSHOT} "
        "because no identity-based policy allows the rds:StartExportTask action"
    )
    assert statement == {"Effect": "Allow", "Action": "rds:StartExportTask", "Resource": SNAPSHOT}
    assert todo == (
        f"Add this statement to the identity-based policy of {ROLE}: "
        f'{{"Effect": "Allow", "Action": "rds:StartExportTask", "Resource": "{SNAPSHOT}"}}'
    )
    parse_policy(document(statement), name="mended")


def test_an_explicit_deny_is_not_ended_by_another_allow() -> None:
    caller = who(SESSION, identity(allow(), deny("s3:*", Sid="NoS3")))
    said, statement, todo = denied(caller, "s3:GetObject", OBJECT)
    assert said.endswith("with an explicit deny in an identity-based policy")
    assert statement is None
    assert todo == "Remove or narrow the statement 'identity: NoS3': no Allow outweighs it."


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
    _, found, todo = denied(caller, action, resource, policy)
    assert found == statement
    assert f"of {resource}: " in todo


def test_a_boundary_is_named_as_the_place() -> None:
    caller = who(SESSION, identity(allow()), boundary=identity(allow("sqs:*")))
    assert denied(caller, "s3:GetObject", OBJECT)[2].startswith(
        f"Add this statement to the permissions boundary of {ROLE}: "
    )


def test_an_allowed_request_needs_nothing() -> None:
    request = Request(action="s3:GetObject", resource=OBJECT, account=OURS)
    caller = who(SESSION, identity(allow()))
    decision = evaluate(request, caller)
    assert missing_statement(request, caller, decision) is None
    assert advice(request, caller, decision) == ""


def test_a_condition_that_is_not_met_is_named_with_what_the_request_has() -> None:
    policy = identity(
        allow("s3:ListBucket", Sid="List", Condition={"StringLike": {"s3:prefix": "lake/*"}, "Bool": {"x": "true"}}),
        deny("s3:ListBucket", Condition={"StringEquals": {"s3:prefix": "secret/"}}),
        allow("sqs:*", Condition={"Bool": {"x": "true"}}),
    )
    request = Request(action="s3:ListBucket", resource=OBJECT, account=OURS, context={"S3:Prefix": ("other/",)})
    assert unmet_conditions(request, who(SESSION, policy), (policy,)) == (
        "identity: List allows it only if StringLike s3:prefix is met; the request has 'other/'",
        "identity: List allows it only if Bool x is met; the request has no such key",
        "identity: 2 denies it only if StringEquals s3:prefix is met; the request has 'other/'",
    )
