"""Who asks whom for what in the tests of permissions: short names, documents, and strategies for both."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from rds_lake.model.permissions.documents import parse_policy
from rds_lake.model.permissions.evaluate import Decision, evaluate
from rds_lake.model.permissions.grants import Grant
from rds_lake.model.permissions.policy import Policy, PolicyType
from rds_lake.model.permissions.request import Principal, Request

OURS, THEIRS = "111122223333", "444455556666"
ROOT = f"arn:aws:iam::{OURS}:root"
USER = f"arn:aws:iam::{OURS}:user/anna"
ROLE = f"arn:aws:iam::{OURS}:role/lake"
SESSION = f"arn:aws:sts::{OURS}:assumed-role/lake/run-1"
EVENTS = "events.amazonaws.com"
OBJECT = "arn:aws:s3:::acme-lake/lake/orders.parquet"
QUEUE = f"arn:aws:sqs:eu-west-1:{OURS}:rds-lake-events"
KEY = f"arn:aws:kms:eu-west-1:{OURS}:key/1234abcd-12ab-34cd-56ef-1234567890ab"

Document = dict[str, Any]


def document(*statements: Document, version: str = "2012-10-17") -> Document:
    return {"Version": version, "Statement": list(statements)}


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> Document:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> Document:
    return {**allow(action, resource, **more), "Effect": "Deny"}


def identity(*statements: Document) -> Policy:
    return parse_policy(document(*statements), name="identity")


def of_resource(*statements: Document) -> Policy:
    return parse_policy(document(*statements), name="resource", kind=PolicyType.RESOURCE)


def trust(*principals: Any) -> Policy:
    statements = [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": one} for one in principals]
    return parse_policy(document(*statements), name="trust", kind=PolicyType.TRUST)


def who(
    arn: str,
    *policies: Policy,
    boundary: Policy | None = None,
    session: Policy | None = None,
) -> Principal:
    """The principal with this ARN; a name without `arn:` is a service, `*` is nobody in particular."""
    account = arn.split(":")[4] if arn.startswith("arn:") else ""
    service = not account and arn != "*"
    return Principal(arn=arn, account=account, policies=policies, boundary=boundary, session=session, service=service)


def ask(
    principal: Principal,
    action: str = "s3:GetObject",
    resource: str = OBJECT,
    *,
    account: str = OURS,
    policy: Policy | None = None,
    grants: tuple[Grant, ...] = (),
    **context: str | tuple[str, ...],
) -> Decision:
    """The decision; `context` has `__` for the colon: `s3__prefix="lake/"`."""
    keys = {key.replace("__", ":"): (value,) if isinstance(value, str) else value for key, value in context.items()}
    request = Request(action=action, resource=resource, account=account, context=keys)
    return evaluate(request, principal, resource_policy=policy, grants=grants)


ACTIONS = ("s3:GetObject", "s3:PutObject", "sqs:SendMessage", "kms:Decrypt")
RESOURCES = (OBJECT, "arn:aws:s3:::acme-lake", QUEUE, KEY)
ARNS = (USER, SESSION)

action_patterns = st.sampled_from([*ACTIONS, "*", "s3:*", "S3:get*", "s3:?etObject", "sqs:*"])
resource_patterns = st.sampled_from(
    [*RESOURCES, "*", "arn:aws:s3:::acme-lake/*", "arn:aws:s3:::*", "arn:aws:s3:::acme-lake/${aws:username}/*"]
)
principals = st.sampled_from(
    ["*", *({"AWS": name} for name in ("*", OURS, ROOT, USER, ROLE, SESSION, THEIRS)), {"AWS": [USER, ROLE]}]
)


def _lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    return st.one_of(values, st.lists(values, min_size=1, max_size=3))


conditions = st.fixed_dictionaries(
    {},
    optional={
        "StringEquals": st.fixed_dictionaries({"s3:prefix": _lists(st.sampled_from(["lake/", "other/"]))}),
        "StringNotLike": st.fixed_dictionaries({"S3:Prefix": _lists(st.sampled_from(["la*", "${aws:username}/"]))}),
        "NumericLessThan": st.fixed_dictionaries({"s3:max-keys": st.sampled_from(["10", 20])}),
        "Null": st.fixed_dictionaries({"s3:prefix": st.sampled_from(["true", "false"])}),
        "ForAllValues:StringLike": st.fixed_dictionaries({"aws:TagKeys": _lists(st.sampled_from(["a", "b*"]))}),
        "ForAnyValue:StringEqualsIfExists": st.fixed_dictionaries({"aws:TagKeys": st.sampled_from(["a", "b"])}),
    },
)


def statements(*, with_principal: bool) -> st.SearchStrategy[Document]:
    return st.builds(
        lambda effect, action, inverted, resource, condition, principal: {
            "Effect": effect,
            ("NotAction" if inverted == "action" else "Action"): action,
            ("NotResource" if inverted == "resource" else "Resource"): resource,
            **({"Condition": condition} if condition else {}),
            **({"Principal": principal} if with_principal else {}),
        },
        st.sampled_from(["Allow", "Allow", "Deny"]),
        _lists(action_patterns),
        st.sampled_from(["", "", "", "action", "resource"]),
        _lists(resource_patterns),
        st.one_of(st.just({}), conditions),
        principals,
    )


def documents(*, with_principal: bool = False) -> st.SearchStrategy[Document]:
    return st.lists(statements(with_principal=with_principal), min_size=1, max_size=4).map(lambda some: document(*some))


contexts = st.fixed_dictionaries(
    {},
    optional={
        "s3:prefix": st.sampled_from([("lake/",), ("anna/",)]),
        "s3:max-keys": st.sampled_from([("5",), ("15",), ("many",)]),
        "aws:TagKeys": st.sampled_from([("a",), ("a", "b1"), ("c",)]),
    },
)
