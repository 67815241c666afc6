"""A column keeps its name when an attribute appears that would have the same one: queries of it find what they found before."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.convert.rules.tree import Limits, Node, from_plain, merge, names_of, observe_item, to_plain
from rds_lake_tests.convert.reading import Item, convert


@pytest.mark.parametrize("parser", ["auto", "portable"])
def test_an_attribute_that_appears_later_never_takes_the_column_of_one_that_was_there(parser: str) -> None:
    old: Item = {"pk": {"S": "1"}, "status": {"S": "new"}, "m": {"M": {"a.b": {"N": "1"}}}}
    typo: Item = {"pk": {"S": "2"}, "Status": {"S": "typo"}, "m": {"M": {"A_B": {"N": "2"}}}}
    third: Item = {"pk": {"S": "3"}, "STATUS": {"S": "third"}, "PK": {"N": "3"}}
    known, rows, found = None, {}, None
    for number, items in enumerate(([old], [old, typo], [old, typo, third]), start=1):
        found, table = convert([items], known=known, parser=parser)
        known, rows = found.schema, {row["pk"]: row for row in table.to_pylist()}
        assert (rows["1"]["status"], rows["1"]["m"]["a_b"]) == ("new", 1)
        assert len(rows) == number
        assert len({column.name for column in found.columns}) == len(found.columns) == (3, 4, 6)[number - 1]
    assert found is not None
    (later,) = {column.name for column in found.columns if column.original == "Status"}
    assert {key: row[later] for key, row in rows.items()} == {"1": None, "2": "typo", "3": None}


def learned(known: dict[str, object] | None, names: Sequence[str]) -> tuple[dict[str, object], dict[str, str]]:
    """What is recorded after a date with these attributes, and the columns' names."""
    root = Node(fields={}) if known is None else from_plain(known)
    observe_item(root, {name: {"M": {name: {"S": "x"}}} for name in names}, Limits())
    return to_plain(root), names_of(root.fields or {})


@given(
    st.lists(
        st.lists(
            st.sampled_from(
                ["a_b", "a.b", "A_B", "a b", "", "_", "é", "c", "C", "a_b_648fa9b3", "a_b_6c1908f9", "c_6b23c0d5"]
            ),
            max_size=4,
        ),
        max_size=5,
    )
)
def test_no_name_changes_whatever_attributes_come_in_whatever_order(dates: list[list[str]]) -> None:
    known, before = None, {}
    for names in dates:
        known, now = learned(known, names)
        assert now | before == now
        assert len(set(now.values())) == len(now)
        before = now
        again, same = learned(known, names)
        assert (again, same) == (known, now), "a date that is made once more changes nothing"


def test_a_name_that_two_attributes_had_to_give_up_is_not_given_to_a_third() -> None:
    known, before = learned(None, ["ID", "id"])
    _, now = learned(known, ["Id"])
    assert now.keys() - before.keys() == {"Id"}
    assert "id" not in now.values()


def test_two_first_dates_made_at_once_that_gave_one_name_twice_have_two_from_then_on() -> None:
    one, other = (from_plain(learned(None, [name])[0]) for name in ("status", "Status"))
    merge(one, other, Limits())
    _, names = learned(to_plain(one), [])
    assert sorted(names) == ["Status", "status"]
    assert len(set(names.values())) == 2
