"""A missing right is told as action, resource and the statement to add, however AWS words it."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.aws.denied import advice_in, is_denied, read_denied
from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError

ROLE = "arn:aws:iam::123456789012:role/pipeline"
SESSION = "arn:aws:sts::123456789012:assumed-role/pipeline/i-0a1b"
LOCAL = (
    f"User: {SESSION} is not authorized to perform: glue:CreateTable on resource: "
    "arn:aws:glue:us-east-1:123456789012:catalog because no identity-based policy allows the glue:CreateTable action"
)


def told(code: str, message: str, *, service: str = "s3", operation: str = "GetObject", about: str = "") -> str:
    answer = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    with pytest.raises(AwsError) as caught, aws_errors(service, operation, about=about):
        raise ClientError(answer, operation)  # type: ignore[arg-type]
    return str(caught.value)


def statement_in(text: str) -> dict[str, object]:
    return json.JSONDecoder().raw_decode(text[text.index('{"Effect"') :])[0]


def test_the_error_ends_with_the_statement_to_add_and_where() -> None:
    text = told("AccessDeniedException", LOCAL, service="glue", operation="CreateTable", about="shop.orders")
    assert LOCAL in text
    assert statement_in(text) == {
        "Effect": "Allow",
        "Action": "glue:CreateTable",
        "Resource": "arn:aws:glue:us-east-1:123456789012:catalog",
    }
    assert f"to the identity-based policy of {ROLE}, then repeat" in text
    assert "`rds-lake policy`" in text


@pytest.mark.parametrize(
    ("operation", "about", "action", "resource"),
    [
        ("GetObject", "s3://lake/a b/c", "s3:GetObject", "arn:aws:s3:::lake/a b/c"),
        ("HeadObject", "s3://lake/c", "s3:GetObject", "arn:aws:s3:::lake/c"),
        ("ListObjectsV2", "s3://lake/exports/", "s3:ListBucket", "arn:aws:s3:::lake"),
        ("UploadPart", "s3://lake/c", "s3:PutObject", "arn:aws:s3:::lake/c"),
        ("DeleteObjects", "s3://lake/c", "s3:DeleteObject", "arn:aws:s3:::lake/c"),
        ("ListMultipartUploads", "s3://lake/c", "s3:ListBucketMultipartUploads", "arn:aws:s3:::lake"),
    ],
)
def test_where_s3_names_nothing_what_was_called_is_named(
    operation: str, about: str, action: str, resource: str
) -> None:
    for code, message in (("AccessDenied", "Access Denied"), ("403", "Forbidden")):
        found = statement_in(told(code, message, operation=operation, about=about))
        assert (found["Action"], found["Resource"]) == (action, resource)


def test_a_copy_needs_both_ends() -> None:
    text = told("AccessDenied", "Access Denied", operation="CopyObject", about="s3://exports/a to s3://lake/b")
    found = statement_in(text)
    assert found["Action"] == ["s3:GetObject", "s3:PutObject"]
    assert found["Resource"] == ["arn:aws:s3:::exports/a", "arn:aws:s3:::lake/b"]


@pytest.mark.parametrize(
    ("code", "message", "action"),
    [
        (
            "AuthorizationError",
            f"User: {SESSION} is not authorized to perform: SNS:Publish on resource: t",
            "sns:Publish",
        ),
        ("AccessDenied", f"User: {SESSION} is not authorized to perform: sqs:receivemessage", "sqs:receivemessage"),
    ],
)
def test_the_words_of_sns_and_sqs_are_read(code: str, message: str, action: str) -> None:
    assert statement_in(told(code, message))["Action"] == action


def test_an_explicit_deny_is_not_answered_with_a_statement_that_would_not_help() -> None:
    said = f'User: {SESSION} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::lake/k" '
    text = told("AccessDenied", said + "with an explicit deny in a service control policy")
    assert "{" not in text
    assert "s3:GetObject on arn:aws:s3:::lake/k is denied by an explicit deny in a policy of type" in text
    assert "service control policy" in text


def test_the_policy_that_lacks_the_right_is_named_as_aws_names_it() -> None:
    said = LOCAL.replace("identity-based policy", "permissions boundary")
    assert "to the permissions boundary of" in told("AccessDenied", said)


@pytest.mark.parametrize(
    ("message", "grant"),
    [
        ("Insufficient Lake Formation permission(s): Required Describe on orders", "grant DESCRIBE on orders to"),
        ("Insufficient Lake Formation permission(s): Required Create Table on shop.", "grant CREATE_TABLE on shop to"),
        ("Insufficient Lake Formation permission(s) on orders", "grant what is missing to"),
    ],
)
def test_where_lake_formation_refuses_no_policy_of_iam_is_advised(message: str, grant: str) -> None:
    text = told("AccessDeniedException", message, service="glue", operation="GetTable", about="shop.orders")
    assert grant in text and "in Lake Formation" in text
    assert "policy of the role" not in text and '"Effect"' not in text
    assert grant in advice_in(f"FAILED: {message}")


def test_other_errors_are_left_as_they_are() -> None:
    assert "rds-lake policy" not in told("NoSuchBucket", "The specified bucket does not exist")
    assert advice_in("SYNTAX_ERROR: line 1:8: Column 'x' cannot be resolved") == ""
    assert "glue:CreateTable" in advice_in(f"Insufficient permissions. {LOCAL}")


NAMES = st.text(st.characters(exclude_characters='"', exclude_categories=("Cs", "Cc", "Zl", "Zp")), min_size=1).map(
    str.strip
)
ACTIONS = st.tuples(
    st.from_regex(r"[a-z]{2,10}", fullmatch=True), st.from_regex(r"[A-Z][A-Za-z]{2,20}", fullmatch=True)
)


@given(
    action=ACTIONS.map(":".join),
    key=NAMES.filter(lambda name: bool(name) and " because " not in name and "(" not in name),
    quoted=st.booleans(),
    end=st.sampled_from(
        [
            "",
            " because no identity-based policy allows the {} action",
            " because no session policy allows the {} action",
        ]
    ),
    before=st.sampled_from(["", "An error occurred: ", "Insufficient permissions to execute the query. "]),
)
def test_action_resource_and_principal_are_read_from_every_sentence_of_awss_form(
    action: str, key: str, quoted: bool, end: str, before: str
) -> None:
    resource = f"arn:aws:s3:::lake/{key}".rstrip(".;")
    shown = f'"{resource}"' if quoted else resource
    text = f"{before}User: {SESSION} is not authorized to perform: {action} on resource: {shown}{end.format(action)}"
    found = read_denied(text)
    assert (found.actions, found.resources, found.principal) == ((action,), (resource,), ROLE)


@given(text=st.text(), about=st.text(), operation=st.text(), code=st.text())
def test_no_text_whatever_keeps_an_error_from_being_reported(text: str, about: str, operation: str, code: str) -> None:
    is_denied(code)
    for service in ("s3", "rds"):
        assert read_denied(text, service=service, operation=operation, about=about).advice
    assert isinstance(advice_in(text), str)
