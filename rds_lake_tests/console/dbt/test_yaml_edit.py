"""YAML is extended as text: it reads as asked for, and no line that a person wrote is touched."""

import random
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.console.dbt.yaml_edit import extended
from rds_lake.errors import ConfigError

PERSONS = """\
# about the file
version: 2

models:            # of another tool
- name: x

sources:
    # the shop
    - name: shop
      tables:
        # money
        - name: orders   # the big one
          description: 'it''s "ours"'
          columns:
            - {name: id, tests: [unique,   not_null]}
            # what it costs
            - name: total
              data_type: "decimal(10,2)"   # euros
        # people
        - name: customers
          columns: []   # none yet
          meta:
        # never finished
        - name: notes
          description: |
            two

            lines
        # the end
# of the file
"""


def test_entries_are_added_where_they_belong_and_every_other_line_is_as_it_was() -> None:
    wanted = yaml.safe_load(PERSONS)
    orders, customers, notes = wanted["sources"][0]["tables"]
    orders["columns"][0]["data_type"] = "bigint"
    orders["columns"][1]["data_type"] = "decimal(12,2)"
    orders["columns"].append({"name": "select", "quote": True})
    customers["columns"] = [{"name": "id"}]
    customers["meta"] = {"dagster": {"asset_key": ["shop", "customers"]}}
    notes["columns"] = [{"name": "body", "description": "a: b # c"}]
    wanted["sources"][0]["tables"].append({"name": "order"})
    made = extended(PERSONS, wanted, where="sources.yml")
    assert yaml.safe_load(made) == wanted
    assert made.splitlines() == [
        *PERSONS.splitlines()[:14],
        '            - {name: id, tests: [unique,   not_null], "data_type": "bigint"}',
        "            # what it costs",
        "            - name: total",
        "              data_type: decimal(12,2)   # euros",
        "            - name: select",
        "              quote: true",
        "        # people",
        "        - name: customers",
        "          columns:   # none yet",
        "            - name: id",
        "          meta:",
        "            dagster:",
        "              asset_key:",
        "                - shop",
        "                - customers",
        *PERSONS.splitlines()[22:28],
        "          columns:",
        "            - name: body",
        "              description: 'a: b # c'",
        "        - name: order",
        *PERSONS.splitlines()[28:],
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_line_ends_stay_and_a_file_that_ends_without_one_gets_it(end: str) -> None:
    made = extended(
        end.join(["a:", "  b: 1", "c:", "- d"]), {"a": {"b": 1, "e": 2}, "c": ["d", "f"], "g": 3}, where="x"
    )
    assert made == end.join(["a:", "  b: 1", "  e: 2", "c:", "- d", "- f", "g: 3", ""])


def test_a_file_of_comments_keeps_them() -> None:
    assert extended("# mine", {"a": 1}, where="x") == "# mine\na: 1\n"


def test_aliases_that_would_be_changed_in_two_places_are_refused_and_nothing_is_damaged() -> None:
    text = "a: &same\n  - 1\nb: *same\n"
    with pytest.raises(ConfigError, match="aliases"):
        extended(text, {"a": [1], "b": [1, 2]}, where="x.yml")
    assert extended(text, {"a": [1], "b": [1], "c": 2}, where="x.yml") == text + "c: 2\n"


def test_what_is_no_yaml_is_named() -> None:
    with pytest.raises(ConfigError, match=r"x.yml is not valid YAML"):
        extended("a: [", {}, where="x.yml")


TEXTS = st.text(st.sampled_from("ab '\"#:-{}[]\n\t,&*!|>%@`é\u2028\x85"), max_size=8)
KEYS = st.text(st.sampled_from("ab '\"#:-é"), min_size=1, max_size=6)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(KEYS, VALUES, min_size=1, max_size=4)


def grown(value: Any, chance: random.Random, added: Any) -> Any:
    """The value with something added here and there, and some texts replaced."""
    if isinstance(value, dict):
        made = {key: grown(inner, chance, added) for key, inner in value.items()}
        return made | ({"new key": added} if chance.random() < 0.5 else {})
    if isinstance(value, list):
        return [grown(inner, chance, added) for inner in value] + ([added] if chance.random() < 0.5 else [])
    return "replaced" if isinstance(value, str) and chance.random() < 0.2 else value


@given(
    document=DOCUMENTS,
    added=VALUES,
    chance=st.randoms(use_true_random=False),
    flow=st.sampled_from([None, False, True]),
    width=st.sampled_from([10, 200]),
    quotes=st.sampled_from([None, "'", '"']),
    indent=st.sampled_from([2, 4]),
)
def test_whatever_the_style_the_text_reads_as_asked_for(
    document: Any, added: Any, chance: random.Random, flow: bool | None, width: int, quotes: str | None, indent: int
) -> None:
    text = yaml.safe_dump(
        document, default_flow_style=flow, width=width, default_style=quotes, indent=indent, allow_unicode=True
    )
    lines = text.split("\n")
    wanted = grown(document, chance, added)
    made = extended(text, wanted, where="x")
    assert yaml.safe_load(made) == wanted
    if wanted == document:
        assert made == text
    assert extended(made, wanted, where="x") == made
    if not any(ord(character) > 126 for character in text) and flow is False and "replaced" not in made:
        kept = iter(made.split("\n"))
        assert all(line in kept for line in lines if not line.rstrip().endswith(("[]", "{}", "null")))
