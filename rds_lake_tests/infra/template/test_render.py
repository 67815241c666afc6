"""The template as text: what CloudFormation reads is what was built."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.infra.template.render import S3_BYTES, as_json, as_yaml, size_note
from rds_lake_tests.infra.template.lakes import LAKES, template_of


def read(text: str) -> object:
    """What CloudFormation's own reader, as cfn-lint has it, makes of YAML with short forms."""
    decode = pytest.importorskip(
        "cfnlint.decode.cfn_yaml"
    )  # here: it is slow to import, and every worker collects this file
    return json.loads(json.dumps(decode.loads(text)))


@pytest.mark.parametrize("name", LAKES)
def test_yaml_and_json_say_the_same(name: str) -> None:
    body = template_of(name).body
    assert read(as_yaml(body)) == body
    assert json.loads(as_json(body)) == body


TEXTS = st.text(st.characters(blacklist_categories=["Cs", "Cc"]), min_size=1, max_size=20)
SCALARS = TEXTS | st.booleans() | st.integers(-(10**9), 10**9)
FUNCTIONS = (
    st.builds(lambda name: {"Ref": name}, st.from_regex(r"[A-Za-z][A-Za-z0-9]{0,9}", fullmatch=True))
    | st.builds(lambda text: {"Fn::Sub": text}, TEXTS)
    | st.just({"Fn::GetAtt": ["Key", "Arn"]})
)
VALUES = st.recursive(
    SCALARS | FUNCTIONS,
    lambda inner: (
        st.lists(inner, min_size=1, max_size=3)
        | st.dictionaries(st.from_regex(r"[A-Z][a-z]{2,8}", fullmatch=True), inner, min_size=2, max_size=3)
        | st.builds(lambda yes, no: {"Fn::If": ["Chosen", yes, no]}, inner, inner)
    ),
    max_leaves=8,
)


@given(VALUES)
def test_whatever_a_property_is_it_is_read_as_it_was_built(value: object) -> None:
    body = {"Resources": {"Any": {"Type": "AWS::SQS::Queue", "Properties": {"Some": value}}}}
    assert read(as_yaml(body)) == body


def test_a_template_that_not_even_s3_takes_is_reported_with_what_to_do() -> None:
    assert "divide the sources into several lakes" in (size_note("x" * (S3_BYTES + 1)) or "")
    assert size_note("x") is None
