"""Another evaluator, by other people, decides alike where both follow AWS's documentation.

Left out, as the two read it differently: NotPrincipal; session policies beside resource-based ones; `*` across colons before
the resource of an ARN; variables without a value; empty and ill-typed values; an IPv6 address beside one of IPv4;
`ForAnyValue:…IfExists` on an absent key; the root user. There `rds_lake` follows the page that the other tests name.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_lake.model.permissions.documents import parse_policy
from rds_lake.model.permissions.evaluate import evaluate
from rds_lake.model.permissions.operators import OPERATORS
from rds_lake.model.permissions.policy import Policy, PolicyType
from rds_lake.model.permissions.request import Request, full_context
from rds_lake_tests.model.permissions.samples import (
    ACTIONS,
    ARNS,
    KEY,
    OBJECT,
    OURS,
    QUEUE,
    RESOURCES,
    ROLE,
    ROOT,
    SESSION,
    THEIRS,
    USER,
    Document,
    allow,
    contexts,
    document,
    documents,
    who,
)
from rds_lake_tests.model.permissions.second_evaluator import SecondEvaluator, second_evaluator

_FOLDER = "RDS_LAKE_IAM_SIMULATE"
QUANTIFIERS = ("ForAllValues:", "ForAnyValue:")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.exhaustive,
    pytest.mark.skipif(
        not os.environ.get(_FOLDER) or shutil.which("node") is None,
        reason=f"needs node, and ${_FOLDER} naming a folder with `npm install @cloud-copilot/iam-simulate`",
    ),
]


@pytest.fixture(scope="module")
def second() -> Iterator[SecondEvaluator]:
    with second_evaluator(Path(os.environ[_FOLDER])) as found:
        yield found


def compare(
    second: SecondEvaluator,
    caller: str,
    request: Request,
    identity: Document,
    *,
    boundary: Document | None = None,
    resource: Document | None = None,
) -> None:
    def parsed(written: Document | None, kind: PolicyType) -> Policy | None:
        return None if written is None else parse_policy(written, name=kind, kind=kind)

    somebody = who(caller, parse_policy(identity, name="identity"), boundary=parsed(boundary, PolicyType.BOUNDARY))
    ours = evaluate(request, somebody, resource_policy=parsed(resource, PolicyType.RESOURCE))
    theirs = second.decide(
        principal=caller,
        action=request.action,
        resource=request.resource,
        account=request.account,
        context=full_context(request, somebody),
        identity=[identity],
        boundary=boundary,
        resource_policy=resource,
    )
    assert ours.effect == theirs


with_tags = contexts.map(lambda keys: {"aws:TagKeys": ("a",), **keys})


def about(action: str, resource: str, context: Mapping[str, tuple[str, ...]], account: str = OURS) -> Request:
    return Request(action=action, resource=resource, account=account, context=context)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(ACTIONS), st.sampled_from(RESOURCES), with_tags, documents(), st.none() | documents())
def test_identity_policies_with_conditions_and_boundaries(
    second: SecondEvaluator,
    action: str,
    resource: str,
    context: dict[str, tuple[str, ...]],
    identity: Document,
    boundary: Document,
) -> None:
    compare(second, USER, about(action, resource, context), identity, boundary=boundary)


TYPED: dict[str, tuple[list[str], list[Any]]] = {
    "String": (
        ["lake/a", "Lake/A", "other", "*"],
        ["lake/a", "lake/*", ["x", "LAKE/?"], "${k}", "${*}", "${aws:username}"],
    ),
    "Numeric": (["5", "10", "10.0", "-3", "10.5"], ["10", ["5", "11"], 10.5]),
    "Date": (
        ["2026-11-20T00:00:00Z", "2026-11-20T12:00:00Z", "2025-01-01T00:00:00Z"],
        ["2026-11-20T12:00:00Z", "2026-11-20"],
    ),
    "Bool": (["true", "false"], ["true", True, "false"]),
    "Binary": (["QQ==", "QUI="], ["QQ=="]),
    "Ip": (["10.0.0.1", "203.0.113.9", "::1"], ["10.0.0.0/8", "203.0.113.9", ["::/64", "10.0.0.1/32"]]),
    "NotIp": (["10.0.0.1", "203.0.113.9", "::1"], ["10.0.0.0/8", ["::/64", "10.0.0.1/32"]]),
    "Arn": (
        ["arn:aws:sns:eu-west-1:111122223333:alarms", "arn:aws:s3:::b", "arn:aws:sqs:x:1:a:b"],
        [
            "arn:aws:sns:*:111122223333:a*",
            "arn:aws:s3:::?",
            "arn:aws:*:*:*:a*b",
            ["arn:aws:s3:::b", "arn:aws:sqs:x:1:*"],
        ],
    ),
}


# Here the other evaluator looks for a backslash and an asterisk, where AWS says that `${*}` is an asterisk
# (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html, special characters).
_COMPARED_WHOLE = ("StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase")


@pytest.mark.parametrize("name", OPERATORS)
def test_every_condition_operator_on_values_of_its_type(second: SecondEvaluator, name: str) -> None:
    values, wanted = next(
        (typed for start, typed in TYPED.items() if name.startswith(start)), (["x"], ["true", "false"])
    )
    forms = (
        [name]
        if name == "Null"
        else [f"{before}{name}{after}" for before in ("", *QUANTIFIERS) for after in ("", "IfExists")]
    )
    for form in forms:
        several = [tuple(values[:2])] if form.startswith(QUANTIFIERS) else []
        absent = [] if form.startswith("ForAnyValue:") and form.endswith("IfExists") else [()]
        for given_values in [*((value,) for value in values), *several, *absent]:
            for one in wanted:
                if one == "${k}" and len(given_values) != 1:
                    continue  # a variable without a value
                if one == "${*}" and name in _COMPARED_WHOLE:
                    continue
                identity = document(allow(Condition={form: {"k": one}}))
                request = about("s3:GetObject", OBJECT, {"k": given_values} if given_values else {})
                compare(second, USER, request, identity)


NAMED = ["*", *({"AWS": name} for name in ("*", OURS, ROOT, USER, ROLE, SESSION, THEIRS, [USER, ROLE]))]


@pytest.mark.parametrize("principal", NAMED, ids=str)
@pytest.mark.parametrize(("action", "resource"), [("s3:GetObject", OBJECT), ("kms:Decrypt", KEY)])
def test_whom_a_resource_policy_names_in_the_same_account_and_across(
    second: SecondEvaluator, principal: Any, action: str, resource: str
) -> None:
    for caller in ARNS:
        for account in (OURS, THEIRS):
            for identity in (document(allow()), document(allow("sqs:*"))):
                for boundary in (None, document(allow()), document(allow("sqs:*"))):
                    for effect in ("Allow", "Deny"):
                        statement = {**allow(Principal=principal), "Effect": effect}
                        request = about(action, resource, {}, account)
                        compare(second, caller, request, identity, boundary=boundary, resource=document(statement))


def without_conditions(written: Document) -> Document:
    kept = [{key: value for key, value in one.items() if key != "Condition"} for one in written["Statement"]]
    return {**written, "Statement": kept}


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from([("s3:GetObject", OBJECT), ("kms:Decrypt", KEY), ("sqs:SendMessage", QUEUE)]),
    st.sampled_from([OURS, THEIRS]),
    documents().map(without_conditions),
    documents(with_principal=True).map(without_conditions),
    st.none() | documents().map(without_conditions),
)
def test_resource_policies_of_several_statements(
    second: SecondEvaluator,
    asked: tuple[str, str],
    account: str,
    identity: Document,
    resource: Document,
    boundary: Document,
) -> None:
    compare(second, USER, about(*asked, {}, account), identity, boundary=boundary, resource=resource)
