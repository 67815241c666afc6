"""A template that was printed is read back as it was, and its conditions hold as CloudFormation holds them."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.errors import StackError
from rds_lake.infra.stack.template_text import asked_for, read_template
from rds_lake.infra.template.render import as_json, as_yaml
from rds_lake.localcloud.stacks.template.decode import decode
from rds_lake_tests.infra.template.lakes import LAKES, template_of


@pytest.mark.parametrize("name", LAKES)
def test_what_was_printed_is_read_back(name: str) -> None:
    body = template_of(name).body
    assert read_template(as_yaml(body)) == read_template(as_json(body)) == body == decode(as_yaml(body))


@given(st.fixed_dictionaries({"A": st.sampled_from(["x", "y"]), "B": st.sampled_from(["x", ""])}))
def test_a_resource_is_asked_for_when_its_condition_holds(parameters: dict[str, str]) -> None:
    a, b = parameters["A"] == "x", parameters["B"] == ""
    body = {
        "Parameters": {"A": {"Default": "y"}, "B": {"Default": ""}},
        "Conditions": {
            "AisX": {"Fn::Equals": [{"Ref": "A"}, "x"]},
            "Bgiven": {"Fn::Not": [{"Fn::Equals": [{"Ref": "B"}, ""]}]},
            "Both": {"Fn::And": [{"Condition": "AisX"}, {"Condition": "Bgiven"}]},
            "One": {"Fn::Or": [{"Condition": "AisX"}, {"Condition": "Bgiven"}]},
        },
        "Resources": {name: {"Condition": name} for name in ("AisX", "Bgiven", "Both", "One")} | {"Always": {}},
    }
    holds = {"AisX": a, "Bgiven": not b, "Both": a and not b, "One": a or not b, "Always": True}
    assert asked_for(body, parameters) == [name for name, true in holds.items() if true]


def test_every_condition_of_every_lake_is_known() -> None:
    for name, text in itertools.product(LAKES, ("", "new", "existing")):
        body = template_of(name).body
        assert asked_for(body, dict.fromkeys(body["Parameters"], text))


def test_what_is_no_template_is_refused_with_a_sentence() -> None:
    for text in ("- a\n", "a: [", "Conditions: {C: {'Fn::Contains': []}}\nResources: {R: {Condition: C}}"):
        with pytest.raises(StackError, match="the stack's template"):
            asked_for(read_template(text), {})
