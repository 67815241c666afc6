"""Policy documents: what AWS would not take is refused, with every problem, and nothing is ignored."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rds_lake.model.permissions.documents import parse_policy
from rds_lake.model.permissions.policy import PolicyError, PolicyType
from rds_lake_tests.model.permissions.samples import (
    EVENTS,
    OBJECT,
    OURS,
    ROLE,
    USER,
    Document,
    allow,
    ask,
    deny,
    document,
    documents,
    who,
)


def problems(written: Any, kind: PolicyType = PolicyType.IDENTITY) -> tuple[str, ...]:
    with pytest.raises(PolicyError) as caught:
        parse_policy(written, name="mine", kind=kind)
    assert isinstance(caught.value, ValueError)
    return caught.value.problems


def test_all_problems_are_named_at_once_with_their_statement() -> None:
    found = problems(
        {
            "Version": "2012-10-18",
            "Comment": "x",
            "Statement": [
                {"Sid": "Read", "Effect": "allow", "Action": "s3", "NotAction": "s3:*", "Resource": "bucket"},
                {
                    "Effect": "Allow",
                    "Action": "s3:GetObject",
                    "Resource": "*",
                    "Condition": {"StringEqual": {"k": "v"}},
                },
            ],
        }
    )
    assert found == (
        "'Comment' is not an element of a policy (Version, Id, Statement)",
        "Version '2012-10-18' does not exist; write '2012-10-17'",
        'statement Read: Effect must be "Allow" or "Deny", and is \'allow\'',
        "statement Read: it needs Action or NotAction, and has both",
        "statement Read: 'bucket' is not a resource: it must be an ARN, with wildcards or not, or *",
        "statement 2: 'StringEqual' is not a condition operator; did you mean 'StringEquals'?",
    )


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ({**allow(), "Efect": "Allow"}, "'Efect' is not an element of a statement"),
        ({"Action": "*", "Resource": "*"}, "Effect must be"),
        ({"Effect": "Allow", "Resource": "*"}, "needs Action or NotAction"),
        ({"Effect": "Allow", "Action": "*"}, "needs Resource or NotResource"),
        (allow(NotResource="*"), "needs Resource or NotResource, and has both"),
        (allow(action=[]), "Action must be a text or a list of texts"),
        (allow(action=[1]), "Action must be a text or a list of texts"),
        (allow(action="GetObject"), "'GetObject' is not an action"),
        (allow(action="s3:Get Object"), "is not an action"),
        (allow(resource="arn:aws"), "is not a resource"),
        (allow(resource="arn:aws:s3:::b/${aws:username"), "without its `}`"),
        (allow(resource="arn:aws:sqs:${aws:RequestedRegion}:1:q"), "before its fifth colon"),
        (allow(Principal="*"), "Principal has no place in a policy of this type (identity-based policy)"),
        (allow(Sid="with spaces"), "letters and digits only"),
        (allow(Sid=1), "Sid must be a text"),
        (allow(Condition=[]), "Condition must be an object"),
        (allow(Condition={"Bool": "true"}), "'Bool' must be an object"),
        (allow(Condition={"Bool": {}}), "'Bool' must be an object"),
        (allow(Condition={"stringequals": {"k": "v"}}), "did you mean 'StringEquals'?"),
        (allow(Condition={"NullIfExists": {"k": "true"}}), "'NullIfExists' is not a condition operator"),
        (allow(Condition={"ForAllValues:Null": {"k": "true"}}), "is not a condition operator"),
        (allow(Condition={"ForEach:StringEquals": {"k": "v"}}), "is not a condition operator"),
        (allow(Condition={"ForAllValues:": {"k": "v"}}), "is not a condition operator"),
        (allow(Condition={"StringEquals": {"": "v"}}), "'' is not a condition key"),
        (allow(Condition={"StringEquals": {"k": []}}), "has no value"),
        (allow(Condition={"StringEquals": {"k": None}}), "NoneType is not a text"),
        (allow(Condition={"StringEquals": {"k": "v", "K": "w"}}), "names a key twice"),
        (allow(Condition={"NumericEquals": {"k": "ten"}}), "'ten' is not a number"),
        (allow(Condition={"NumericEquals": {"k": "${aws:username}"}}), "is not a number"),
        (allow(Condition={"NumericEquals": {"k": "NaN"}}), "is not a number"),
        (allow(Condition={"DateLessThan": {"k": "2026-13-01"}}), "month must be in 1..12"),
        (allow(Condition={"DateLessThan": {"k": "tomorrow"}}), "is not a number"),
        (allow(Condition={"Bool": {"k": "yes"}}), "neither true nor false"),
        (allow(Condition={"Null": {"k": "1"}}), "neither true nor false"),
        (allow(Condition={"BinaryEquals": {"k": "ä"}}), "BinaryEquals"),
        (allow(Condition={"IpAddress": {"k": "10.0.0.0/40"}}), "10.0.0.0/40"),
        (allow(Condition={"ArnLike": {"k": "arn:aws:s3"}}), "six parts of an ARN"),
    ],
)
def test_a_statement_that_aws_does_not_take_is_refused(statement: Document, words: str) -> None:
    (found,) = problems(document(statement))
    assert words in found


@pytest.mark.parametrize(
    ("principal", "words"),
    [
        ({"AWS": "arn:aws:iam::111122223333:role/*"}, "wildcards inside are not allowed"),
        ({"AWS": "arn:aws:iam::1111:role/lake"}, "is neither an account number nor an ARN"),
        ({"AWS": "arn:aws:s3:::bucket"}, "is neither an account number nor an ARN"),
        ({"AWS": "111122223333:root"}, "is neither an account number nor an ARN"),
        ({"AWS": "AROACKCEVSQ6C2EXAMPLE"}, "was deleted"),
        ({"AWS": []}, "AWS must be a text"),
        ({"AWS": {}}, "AWS must be a text"),
        ({"Service": "*"}, "is not a service principal"),
        ({"CanonicalUser": "79a59d"}, "name the account by its number"),
        ({"Everybody": "*"}, "is not a kind of principal"),
        ({}, "Principal must be"),
        ("everybody", "Principal must be"),
        (None, "Principal must be"),
    ],
)
def test_a_principal_that_aws_does_not_take_is_refused(principal: Any, words: str) -> None:
    (found,) = problems(document(allow(Principal=principal)), PolicyType.RESOURCE)
    assert words in found


def test_a_resource_based_statement_says_whom_it_is_about() -> None:
    assert "needs Principal or NotPrincipal" in problems(document(allow()), PolicyType.RESOURCE)[0]
    both = allow(Principal="*", NotPrincipal={"AWS": OURS})
    assert any("and has both" in problem for problem in problems(document(both), PolicyType.RESOURCE))
    everybody_else = allow(NotPrincipal={"AWS": OURS})
    assert "would allow everybody else" in problems(document(everybody_else), PolicyType.RESOURCE)[0]


def test_a_trust_policy_has_no_resource() -> None:
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": EVENTS}}
    parse_policy(document(statement), name="trust", kind=PolicyType.TRUST)
    assert "has no Resource" in problems(document({**statement, "Resource": "*"}), PolicyType.TRUST)[0]


def test_a_sid_is_used_once_and_may_have_spaces_where_aws_lets_it() -> None:
    assert problems(document(allow(Sid="A"), deny(Sid="A"))) == ("the Sid 'A' is used 2 times",)
    key_policy = document(allow(Sid="Enable IAM User Permissions", Principal={"AWS": OURS}))
    parse_policy(key_policy, name="key", kind=PolicyType.RESOURCE)


def test_a_single_statement_needs_no_list_and_the_old_version_has_no_variables() -> None:
    home = allow(resource="arn:aws:s3:::b/${aws:username}")
    old = parse_policy({"Statement": home}, name="old")
    new = parse_policy({"Version": "2012-10-17", "Statement": home}, name="new")
    assert ask(who(USER, old), resource="arn:aws:s3:::b/${aws:username}").allowed
    assert not ask(who(USER, old), resource="arn:aws:s3:::b/anna").allowed
    assert ask(who(USER, new), resource="arn:aws:s3:::b/anna").allowed


def test_a_statement_is_called_by_its_policys_name_and_its_sid_or_number() -> None:
    policy = parse_policy(document(deny("sqs:*"), allow("s3:*", Sid="Lake"), allow("kms:*")), name="pipeline")
    caller = who(USER, policy)
    assert ask(caller, "s3:GetObject").statement == "pipeline: Lake"
    assert ask(caller, "sqs:SendMessage").statement == "pipeline: 1"
    assert ask(caller, "rds:StartExportTask").statement is None


json = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(max_size=8),
        st.sampled_from(
            ["*", "Allow", "2012-10-17", OBJECT, ROLE, "s3:*", "${", "${*}", "arn:aws:s3:::${a}", "\ud800"]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.text(max_size=5),
                st.sampled_from(
                    [
                        *(
                            "Version",
                            "Statement",
                            "Effect",
                            "Action",
                            "NotAction",
                            "Resource",
                            "NotResource",
                            "Condition",
                        ),
                        *("Principal", "NotPrincipal", "Sid", "AWS", "Service", "StringEquals", "Bool", "IpAddress"),
                        *("DateEquals", "NumericEquals", "ArnLike", "BinaryEquals", "Null", "ForAllValues:Bool"),
                    ]
                ),
            ),
            inner,
            max_size=5,
        ),
    ),
    max_leaves=12,
)


@settings(max_examples=60)
@given(json, st.sampled_from(PolicyType))
@example({"Statement": [None]}, PolicyType.IDENTITY)
@example({"Version": [], "Statement": {"Action": {}, "Effect": []}}, PolicyType.RESOURCE)
@example({"Statement": allow(Condition={"DateEquals": {"k": "9" * 30}})}, PolicyType.IDENTITY)
@example({"Statement": allow(Condition={"DateEquals": {"k": "0001-01-01T00:00:00+23:59"}})}, PolicyType.IDENTITY)
def test_whatever_the_document_is_it_is_a_policy_or_a_policy_error(written: Any, kind: PolicyType) -> None:
    try:
        policy = parse_policy(written, name="mine", kind=kind)
    except PolicyError as error:
        assert error.problems
    else:
        ask(who(USER, policy))


@given(documents(), st.data())
def test_a_word_more_anywhere_in_a_valid_policy_is_never_ignored(written: Document, data: st.DataObject) -> None:
    statement = data.draw(st.sampled_from(written["Statement"]))
    target = data.draw(st.sampled_from([written, statement, statement.setdefault("Condition", {})]))
    target["Surprise"] = "x"
    assert any("Surprise" in problem for problem in problems(written))
