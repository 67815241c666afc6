"""KMS keys: the key's policy, which may let IAM in, and grants.

https://docs.aws.amazon.com/kms/latest/developerguide/key-policies.html
https://docs.aws.amazon.com/kms/latest/developerguide/grants.html
"""

from __future__ import annotations

from typing import Any

import pytest

from rds_lake.model.permissions.evaluate import Decision
from rds_lake.model.permissions.grants import Grant
from rds_lake.model.permissions.request import Principal
from rds_lake_tests.model.permissions.samples import (
    EVENTS,
    KEY,
    OURS,
    ROLE,
    ROOT,
    SESSION,
    THEIRS,
    USER,
    allow,
    ask,
    deny,
    identity,
    of_resource,
    who,
)

EVERYTHING = identity(allow())
LETS_IAM_IN = of_resource(allow("kms:*", Principal={"AWS": ROOT}, Sid="Enable IAM User Permissions"))
OPERATIONS = ("Decrypt", "GenerateDataKey", "DescribeKey", "CreateGrant")


def decrypt(caller: Principal, **more: Any) -> Decision:
    return ask(caller, "kms:Decrypt", KEY, **more)


def grant(grantee: str, *operations: str, **constraints: Any) -> tuple[Grant]:
    return (
        Grant(grant_id="g1", key=KEY, grantee=grantee, operations=frozenset(operations or OPERATIONS), **constraints),
    )


def test_identity_policies_count_only_where_the_key_policy_lets_iam_in() -> None:
    assert decrypt(who(USER, EVERYTHING), policy=LETS_IAM_IN).allowed
    assert (
        decrypt(who(USER), policy=LETS_IAM_IN).reason
        == "because no identity-based policy allows the kms:Decrypt action"
    )
    closed = of_resource(allow("kms:*", Principal={"AWS": ROLE}))
    for policy in (closed, None):
        decision = decrypt(who(USER, EVERYTHING), policy=policy)
        assert decision.reason == "because no resource-based policy allows the kms:Decrypt action"


def test_whom_the_key_policy_names_needs_no_identity_policy() -> None:
    key = of_resource(allow("kms:Decrypt", Principal={"AWS": [USER, ROLE]}))
    assert decrypt(who(USER), policy=key).allowed
    assert decrypt(who(SESSION), policy=key).allowed
    assert not ask(who(USER), "kms:Encrypt", KEY, policy=key).allowed
    assert not decrypt(who(SESSION, boundary=identity(allow("s3:*"))), policy=key).allowed


def test_even_the_root_user_needs_the_key_policy() -> None:
    assert decrypt(who(ROOT), policy=LETS_IAM_IN).allowed
    assert not decrypt(who(ROOT), policy=of_resource(allow("kms:*", Principal={"AWS": USER}))).allowed


def test_actions_that_are_about_no_key_need_no_key_policy() -> None:
    assert ask(who(USER, EVERYTHING), "kms:CreateKey", "*").allowed
    assert ask(who(USER, EVERYTHING), "kms:CreateAlias", f"arn:aws:kms:eu-west-1:{OURS}:alias/lake").allowed


def test_a_key_of_another_account_needs_both_sides() -> None:
    key = of_resource(allow("kms:Decrypt", Principal={"AWS": OURS}))
    assert decrypt(who(USER, EVERYTHING), account=THEIRS, policy=key).allowed
    assert not decrypt(who(USER), account=THEIRS, policy=key).allowed
    theirs_alone = of_resource(allow("kms:Decrypt", Principal={"AWS": THEIRS}))
    assert not decrypt(who(USER, EVERYTHING), account=THEIRS, policy=theirs_alone).allowed


# https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
@pytest.mark.parametrize(
    ("condition", "good", "bad"),
    [
        (
            {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}},
            "s3.eu-west-1.amazonaws.com",
            "rds.eu-west-1.amazonaws.com",
        ),
        ({"StringEquals": {"kms:CallerAccount": OURS}}, OURS, THEIRS),
        ({"Bool": {"kms:GrantIsForAWSResource": "true"}}, "true", "false"),
        ({"StringEquals": {"kms:EncryptionContext:aws:s3:arn": "arn:aws:s3:::b"}}, "arn:aws:s3:::b", "arn:aws:s3:::c"),
    ],
    ids=str,
)
def test_conditions_on_how_a_key_is_used(condition: dict[str, dict[str, str]], good: str, bad: str) -> None:
    ((key,),) = (block.keys() for block in condition.values())
    policy = of_resource(allow("kms:*", Principal={"AWS": USER}, Condition=condition))
    assert decrypt(who(USER), policy=policy, **{key: good}).allowed
    assert not decrypt(who(USER), policy=policy, **{key: bad}).allowed
    if key != "kms:CallerAccount":
        assert not decrypt(who(USER), policy=policy).allowed


def test_a_service_principal_is_let_in_by_the_key_policy() -> None:
    key = of_resource(allow(["kms:GenerateDataKey*", "kms:Decrypt"], Principal={"Service": EVENTS}))
    assert decrypt(who(EVENTS), policy=key).allowed
    assert not decrypt(who(EVENTS), policy=LETS_IAM_IN).allowed


def test_a_grant_allows_its_operations_to_its_grantee_beside_the_key_policy() -> None:
    closed = of_resource(allow("kms:*", Principal={"AWS": f"{ROLE}-admin"}))
    decision = decrypt(who(SESSION), policy=closed, grants=grant(ROLE))
    assert decision.allowed
    assert decision.statement == "grant g1"
    assert decrypt(who(EVENTS), grants=grant(EVENTS)).allowed
    assert not decrypt(who(USER), policy=closed, grants=grant(ROLE)).allowed
    assert not ask(who(SESSION), "kms:Encrypt", KEY, policy=closed, grants=grant(ROLE)).allowed
    assert not ask(who(SESSION), "kms:Decrypt", f"{KEY}0", policy=closed, grants=grant(ROLE)).allowed
    assert not ask(who(SESSION), "s3:Decrypt", KEY, grants=grant(ROLE)).allowed


def test_a_deny_outweighs_a_grant_and_a_boundary_limits_a_roles() -> None:
    denying = of_resource(deny("kms:Decrypt", Principal="*"))
    assert decrypt(who(SESSION), policy=denying, grants=grant(ROLE)).effect == "explicit deny"
    assert not decrypt(who(SESSION, boundary=identity(allow("s3:*"))), grants=grant(ROLE)).allowed


def test_a_grants_constraint_is_compared_with_the_encryption_context_and_its_case_counts() -> None:
    def allowed(constraint: dict[str, Any], *pairs: tuple[str, str]) -> bool:
        context = {f"kms:EncryptionContext:{key}": value for key, value in pairs}
        return decrypt(who(SESSION), grants=grant(ROLE, **constraint), **context).allowed

    source, more = ("Source", "shop"), ("date", "2026-11-20")
    subset, equals = {"subset": {"Source": "shop"}}, {"equals": {"Source": "shop"}}
    assert allowed(subset, source)
    assert allowed(subset, source, more)
    assert not allowed(subset, more)
    assert not allowed(subset)
    assert not allowed(subset, ("source", "shop"))
    assert allowed(equals, source)
    assert not allowed(equals, source, more)


def test_a_constraint_does_not_count_for_operations_without_an_encryption_context() -> None:
    assert ask(who(SESSION), "kms:DescribeKey", KEY, grants=grant(ROLE, subset={"Source": "shop"})).allowed


def test_a_grantee_passes_on_no_more_than_it_has() -> None:
    def pass_on(*operations: str) -> bool:
        grants = grant(ROLE, "CreateGrant", "Decrypt")
        return ask(who(SESSION), "kms:CreateGrant", KEY, grants=grants, kms__GrantOperations=operations).allowed

    assert pass_on("Decrypt")
    assert not pass_on("Decrypt", "Encrypt")
