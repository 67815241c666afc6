"""Which policies have to allow a request, within one account and across two.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/access_policies_boundaries.html
"""

from __future__ import annotations

from typing import Any

import pytest

from rds_lake.model.permissions.policy import Policy
from rds_lake_tests.model.permissions.samples import (
    EVENTS,
    OBJECT,
    OURS,
    QUEUE,
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
    trust,
    who,
)

SOMETHING_ELSE = identity(allow("sqs:*"))
ARTICLES = {"identity": "an identity-based policy", "boundary": "a permissions boundary", "session": "a session policy"}


def bucket(principal: Any) -> Policy:
    return of_resource(allow("s3:*", Principal=principal))


def test_nothing_is_allowed_without_an_allow() -> None:
    decision = ask(who(USER))
    assert (decision.effect, decision.statement) == ("implicit deny", None)
    assert decision.reason == "because no identity-based policy allows the s3:GetObject action"


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-basics-id-rdp.html
@pytest.mark.parametrize(
    ("resource", "effect"),
    [
        ("arn:aws:s3:::carlossalazar/x", "allow"),
        ("arn:aws:s3:::carlossalazar-logs/x", "explicit deny"),
        ("arn:aws:s3:::somebody/x", "implicit deny"),
    ],
)
def test_carlos_of_aws_documentation(resource: str, effect: str) -> None:
    carlos = who(
        f"arn:aws:iam::{OURS}:user/carlossalazar",
        identity(
            allow(["s3:GetBucketLocation", "s3:ListAllMyBuckets"], "arn:aws:s3:::*", Sid="AllowS3ListRead"),
            allow("s3:*", ["arn:aws:s3:::carlossalazar/*", "arn:aws:s3:::carlossalazar"], Sid="AllowS3Self"),
            deny("s3:*", "arn:aws:s3:::*log*", Sid="DenyS3Logs"),
        ),
    )
    assert ask(carlos, "s3:PutObject", resource).effect == effect


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic-cross-account.html
@pytest.mark.parametrize(
    ("action", "resource", "effect"),
    [
        ("s3:PutObject", "arn:aws:s3:::Production/object.txt", "allow"),
        ("s3:PutObject", "arn:aws:s3:::Production/logs/object.txt", "explicit deny"),
        ("s3:PutBucketPolicy", "arn:aws:s3:::Production", "implicit deny"),
    ],
)
def test_carlos_in_another_account_of_aws_documentation(action: str, resource: str, effect: str) -> None:
    arn = f"arn:aws:iam::{OURS}:user/carlossalazar"
    carlos = who(
        arn,
        identity(
            allow("s3:*Object*", "arn:aws:s3:::Production/*"),
            deny("s3:*", ["arn:aws:s3:::*log*", "arn:aws:s3:::*log*/*"]),
        ),
    )
    production = of_resource(
        allow(["s3:GetObject*", "s3:PutObject*"], "arn:aws:s3:::Production/*", Principal={"AWS": arn})
    )
    assert ask(carlos, action, resource, account=THEIRS, policy=production).effect == effect


@pytest.mark.parametrize("place", ["identity", "boundary", "session", "resource"])
def test_an_explicit_deny_anywhere_outweighs_every_allow(place: str) -> None:
    everything, nothing = identity(allow()), identity(allow(), deny(Sid="Never"))
    policy = of_resource(
        allow(Principal="*"), *([deny(Principal={"AWS": ROOT}, Sid="Never")] if place == "resource" else [])
    )
    caller = who(
        SESSION,
        nothing if place == "identity" else everything,
        boundary=nothing if place == "boundary" else everything,
        session=nothing if place == "session" else everything,
    )
    decision = ask(caller, policy=policy)
    assert decision.effect == "explicit deny"
    assert decision.statement == f"{'resource' if place == 'resource' else 'identity'}: Never"
    assert decision.reason == f"with an explicit deny in {ARTICLES.get(place, 'a resource-based policy')}"


@pytest.mark.parametrize("limit", ["boundary", "session"])
def test_boundary_and_session_policy_limit_what_identity_policies_allow(limit: str) -> None:
    everything = identity(allow())
    assert ask(who(SESSION, everything, **{limit: identity(allow("s3:Get*"))})).allowed
    decision = ask(who(SESSION, everything, **{limit: SOMETHING_ELSE}))
    kind = {"boundary": "permissions boundary", "session": "session policy"}[limit]
    assert decision.reason == f"because no {kind} allows the s3:GetObject action"
    assert not ask(who(SESSION, **{limit: everything})).allowed, "a limit allows nothing by itself"


@pytest.mark.parametrize(
    ("caller", "principal", "alone", "limited"),
    [
        (USER, {"AWS": USER}, True, True),
        (USER, {"AWS": ROOT}, False, False),
        (USER, {"AWS": OURS}, False, False),
        (USER, "*", True, True),
        (USER, {"AWS": "*"}, True, True),
        (USER, {"AWS": ROLE}, False, False),
        (SESSION, {"AWS": ROLE}, True, False),
        (SESSION, {"AWS": SESSION}, True, True),
        (SESSION, {"AWS": f"{SESSION}2"}, False, False),
        (SESSION, {"AWS": [THEIRS, ROLE]}, True, False),
        (SESSION, {"Service": EVENTS}, False, False),
        (SESSION, {"Federated": "accounts.google.com"}, False, False),
    ],
    ids=str,
)
def test_what_a_resource_policy_gives_in_the_same_account_depends_on_whom_it_names(
    caller: str, principal: Any, alone: bool, limited: bool
) -> None:
    """Alone: without any identity-based policy. Limited: and with a boundary and a session policy that do not allow it."""
    assert ask(who(caller), policy=bucket(principal)).allowed == alone
    assert ask(who(caller, boundary=SOMETHING_ELSE), policy=bucket(principal)).allowed == limited
    if caller == SESSION:
        assert ask(who(caller, session=SOMETHING_ELSE), policy=bucket(principal)).allowed == limited


def test_a_role_with_a_path_is_named_by_its_own_arn() -> None:
    arn = f"arn:aws:iam::{OURS}:role/data/lake"
    caller = who(SESSION)
    assert not ask(caller, policy=bucket({"AWS": arn})).allowed
    with_path = type(caller)(arn=SESSION, account=OURS, role=arn)
    assert ask(with_path, policy=bucket({"AWS": arn})).allowed


@pytest.mark.parametrize("principal", [{"AWS": USER}, {"AWS": OURS}, "*"], ids=str)
def test_across_accounts_both_sides_must_allow(principal: Any) -> None:
    everything = identity(allow())
    both = ask(who(USER, everything), account=THEIRS, policy=bucket(principal))
    assert both.allowed
    assert both.statement == "identity: 1 and resource: 1"
    alone = ask(who(USER), account=THEIRS, policy=bucket(principal))
    assert alone.reason == "because no identity-based policy allows the s3:GetObject action"
    limited = ask(who(USER, everything, boundary=SOMETHING_ELSE), account=THEIRS, policy=bucket(principal))
    assert limited.reason == "because no permissions boundary allows the s3:GetObject action"


@pytest.mark.parametrize("policy", [None, bucket({"AWS": THEIRS})], ids=["none", "of their own"])
def test_across_accounts_an_identity_policy_alone_is_not_enough(policy: Policy | None) -> None:
    decision = ask(who(USER, identity(allow())), account=THEIRS, policy=policy)
    assert decision.reason == "because no resource-based policy allows the s3:GetObject action"


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_notprincipal.html
@pytest.mark.parametrize(
    ("caller", "spared", "expected"),
    [
        (USER, [USER, OURS], True),
        (USER, [USER], False),
        (USER, [ROOT], False),
        (SESSION, [SESSION, ROLE, ROOT], True),
        (SESSION, [ROLE, ROOT], False),
        (SESSION, [SESSION, ROOT], False),
        (ROOT, [ROOT], True),
        (USER, ["*"], True),
    ],
    ids=str,
)
def test_not_principal_spares_those_only_who_are_listed_with_role_and_account(
    caller: str, spared: list[str], expected: bool
) -> None:
    policy = of_resource(deny(NotPrincipal={"AWS": spared}))
    assert ask(who(caller, identity(allow())), policy=policy).allowed == expected


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ({"NotAction": "iam:*", "Resource": "*"}, True),
        ({"NotAction": ["iam:*", "s3:Get*"], "Resource": "*"}, False),
        ({"Action": "*", "NotResource": "arn:aws:s3:::other/*"}, True),
        ({"Action": "*", "NotResource": ["arn:aws:s3:::acme-lake/*", QUEUE]}, False),
        ({"Action": "S3:getobject", "Resource": "*"}, True),
        ({"Action": "s3:Get?bject", "Resource": OBJECT}, True),
        ({"Action": "s3:*", "Resource": OBJECT.upper().replace("ARN:AWS:S3", "arn:aws:s3")}, False),
    ],
    ids=str,
)
def test_actions_ignore_case_and_resources_do_not_and_both_can_be_excluded(
    statement: dict[str, Any], allowed: bool
) -> None:
    assert ask(who(USER, identity({"Effect": "Allow", **statement}))).allowed == allowed


def test_the_root_user_needs_no_policy_and_can_be_denied_by_a_resources() -> None:
    assert ask(who(ROOT)).allowed
    assert ask(who(ROOT), policy=of_resource(deny(Principal={"AWS": OURS}))).effect == "explicit deny"
    assert not ask(who(ROOT), account=THEIRS).allowed


# https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html
@pytest.mark.parametrize(
    ("principal", "allowed"),
    [
        ({"Service": EVENTS}, True),
        ("*", True),
        ({"AWS": "*"}, True),
        ({"Service": "sns.amazonaws.com"}, False),
        ({"AWS": OURS}, False),
    ],
    ids=str,
)
def test_a_service_is_let_in_by_the_resource_alone(principal: Any, allowed: bool) -> None:
    queue = of_resource(allow("sqs:SendMessage", QUEUE, Principal=principal))
    decision = ask(who(EVENTS, identity(allow())), "sqs:SendMessage", QUEUE, policy=queue)
    assert decision.allowed == allowed
    if not allowed:
        assert decision.reason == "because no resource-based policy allows the sqs:SendMessage action"
    assert not ask(who(EVENTS, identity(allow())), "sqs:SendMessage", QUEUE).allowed


def test_a_service_acts_for_one_rule_and_one_account_only() -> None:
    rule = f"arn:aws:events:eu-west-1:{OURS}:rule/rds-lake-snapshots"
    condition = {"ArnEquals": {"aws:SourceArn": rule}, "StringEquals": {"aws:SourceAccount": OURS}}
    queue = of_resource(allow("sqs:SendMessage", QUEUE, Principal={"Service": EVENTS}, Condition=condition))

    def send(arn: str, account: str) -> bool:
        context: dict[str, Any] = {"aws__SourceArn": arn, "aws__SourceAccount": account}
        return ask(who(EVENTS), "sqs:SendMessage", QUEUE, policy=queue, **context).allowed

    assert send(rule, OURS)
    assert not send(f"{rule}-2", OURS)
    assert not send(rule, THEIRS)
    assert not ask(who(EVENTS), "sqs:SendMessage", QUEUE, policy=queue).allowed


def test_a_request_without_a_signature_is_let_in_by_everybody_alone() -> None:
    assert ask(who("*"), policy=bucket("*")).allowed
    assert not ask(who("*"), policy=bucket({"AWS": OURS})).allowed
    assert not ask(who("*")).allowed


# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic_policy-eval-denyallow.html
@pytest.mark.parametrize(
    ("principal", "with_identity", "alone"),
    [
        ({"AWS": USER}, True, True),
        ({"AWS": OURS}, True, False),
        ({"AWS": ROLE}, False, False),
        ({"Service": EVENTS}, False, False),
    ],
    ids=str,
)
def test_a_role_is_assumed_only_by_those_its_trust_policy_names(
    principal: Any, with_identity: bool, alone: bool
) -> None:
    for policies, allowed in (((identity(allow()),), with_identity), ((), alone)):
        decision = ask(who(USER, *policies), "sts:AssumeRole", ROLE, policy=trust(principal))
        assert decision.allowed == allowed
    if not with_identity:
        refused = ask(who(USER, identity(allow())), "sts:AssumeRole", ROLE, policy=trust(principal))
        assert refused.reason == "because no role trust policy allows the sts:AssumeRole action"


def test_a_federated_users_session_needs_a_session_policy() -> None:
    arn = f"arn:aws:sts::{OURS}:federated-user/anna"
    everything = identity(allow())
    assert ask(who(arn, everything, session=everything)).allowed
    assert ask(who(arn, everything)).reason == "because no session policy allows the s3:GetObject action"
