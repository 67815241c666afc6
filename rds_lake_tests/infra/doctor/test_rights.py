"""Whatever right is taken from a role, the doctor has shown it before a run fails for want of it; and names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from rds_lake.aws.account.answers import Answers
from rds_lake.errors import AwsError
from rds_lake.infra.doctor.findings import Finding, Verdict
from rds_lake.infra.doctor.rights.parties import parties, statements_of
from rds_lake_tests.infra.doctor.accounts import Account
from rds_lake_tests.infra.doctor.replies import Replies

Change = Callable[[list[dict[str, Any]], str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def replies(healthy: Account) -> Replies:
    kept = Replies(Answers(lambda: healthy.clients))
    healthy.findings(answers=kept)
    return kept


def taken(statements: list[dict[str, Any]], action: str) -> list[dict[str, Any]]:
    """Without the action."""
    left = [one | {"Action": [name for name in one["Action"] if name != action]} for one in statements]
    return [one for one in left if one["Action"]]


def forbidden(statements: list[dict[str, Any]], action: str) -> list[dict[str, Any]]:
    """With a statement that denies it."""
    return [*statements, {"Sid": "No", "Effect": "Deny", "Action": [action], "Resource": ["*"]}]


@pytest.mark.parametrize("change", [taken, forbidden])
@pytest.mark.parametrize("name", ["pipeline", "export-role", "job-role"])
def test_each_action_that_is_denied_is_named_by_the_row_of_its_statement(
    healthy: Account, replies: Replies, name: str, change: Change
) -> None:
    party = next(one for one in parties(healthy.config) if one.name == name)
    sids: dict[str, set[str]] = {}
    for one in statements_of(party, healthy.config, patient_names()):
        for action in one.actions:
            sids.setdefault(action, set()).add(f"{name} {one.sid}")
    for action, expected in sids.items():

        def replaced(service: str, operation: str, asked: dict[str, Any], answer: Any, action: str = action) -> Any:
            if operation != "get_role_policy" or asked["RoleName"] != party.role:
                return answer
            document = answer["PolicyDocument"]
            return {"PolicyDocument": document | {"Statement": change(document["Statement"], action)}}

        replies.replace = replaced
        found = healthy.findings(answers=replies, only=("role.exists", "role.rights"))
        failed = {one.about: one for one in found.values() if one.flagged}
        assert set(failed) == expected, action
        assert all((one.verdict, one.missing) == (Verdict.FAIL, (action,)) for one in failed.values()), action
        assert all(action in one.seen and action in one.remedy for one in failed.values())


def patient_names() -> Any:
    from rds_lake.infra.doctor.subjects.roles import _NOBODY

    return _NOBODY


@pytest.mark.exhaustive
def test_a_boundary_that_lacks_an_action_is_shown_too(healthy: Account) -> None:
    iam = healthy.root("iam")
    every = {"Effect": "Allow", "NotAction": "rds:StartExportTask", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [every]})
    arn = iam.create_policy(PolicyName="limit", PolicyDocument=document)["Policy"]["Arn"]
    iam.put_role_permissions_boundary(RoleName="acme-pipeline", PermissionsBoundary=arn)
    try:
        failed = healthy.flagged(only=("role.exists", "role.rights"))
    finally:
        iam.delete_role_permissions_boundary(RoleName="acme-pipeline")
    assert list(failed) == [("role.rights", "pipeline StartExports")]
    assert "permissions boundary" in failed["role.rights", "pipeline StartExports"].seen


@pytest.mark.exhaustive
def test_what_may_not_be_looked_at_is_unknown_with_the_right_that_is_missing_and_stops_nothing(
    healthy: Account, replies: Replies
) -> None:
    operations = sorted(replies.asked - {("sts", "get_caller_identity")})
    assert len(operations) > 25
    for service, operation in operations:

        def refused(
            asked_service: str, asked_operation: str, asked: dict[str, Any], answer: Any, at: Any = (service, operation)
        ) -> Any:
            if (asked_service, asked_operation) != at:
                return answer
            action = f"{at[0]}:{''.join(map(str.capitalize, at[1].split('_')))}"
            message = f"User: arn:aws:iam::123456789012:user/ann is not authorized to perform: {action}"
            raise AwsError(service=at[0], operation=at[1], code="AccessDeniedException", message=message)

        replies.replace = refused
        found = healthy.findings(answers=replies, now=replies.at)
        unknown = [one for one in found.values() if one.flagged]
        assert unknown, operation
        assert [one for one in unknown if one.verdict is Verdict.WARN] == [], operation
        assert any(_names(one, service) for one in unknown), operation
        failed = [one.key for one in unknown if one.verdict is Verdict.FAIL]
        assert failed == [] or operation == "head_bucket", (operation, failed)


def _names(one: Finding, service: str) -> bool:
    return one.verdict in (Verdict.UNKNOWN, Verdict.FAIL) and any(
        name.startswith(f"{service}:") for name in one.missing
    )
