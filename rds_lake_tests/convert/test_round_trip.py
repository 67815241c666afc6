"""Whatever the items are, the values in the lake are those boto3 would give."""

from __future__ import annotations

import os
from base64 import b64encode
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rds_lake.convert.rules.tree import Limits
from rds_lake_tests.convert.reading import Item, convert, differences

EXAMPLES = int(os.environ.get("RDS_LAKE_EXAMPLES", "60"))

NAMES = st.sampled_from(
    ["a", "b", "A", "a.b", "a b", "select", "snapshot_date", "😀", "é", "S", "N", "M", "NULL", "Item", '"', "a_b"]
)
TEXTS = st.one_of(
    st.text(max_size=8).filter(lambda text: text.isprintable() or "\n" in text),
    st.sampled_from(["", '"', '\\"}', '{"NULL":true}', "\n", "\u2028", "\x00", "null", "1", "😀"]),
)
NUMBERS = st.one_of(
    st.integers(-(10**4), 10**4).map(str),
    st.integers(-(10**38) + 1, 10**38 - 1).map(str),
    st.decimals(-1000, 1000, places=3).map(lambda one: f"{one:f}"),
    st.tuples(st.integers(1, 10**30), st.integers(0, 10**8)).map(lambda two: f"{two[0]}.{two[1]}"),
    st.sampled_from(
        ["0", "-0", "1E30", "1E37", "1E125", "-9.9E-128", "9223372036854775808", "1E2", "1.0", "0." + "1" * 38, "0.5"]
    ),
)
BINARIES = st.binary(max_size=7).map(lambda data: b64encode(data).decode())
SCALARS: st.SearchStrategy[Item] = st.one_of(
    TEXTS.map(lambda one: {"S": one}),
    NUMBERS.map(lambda one: {"N": one}),
    BINARIES.map(lambda one: {"B": one}),
    st.booleans().map(lambda one: {"BOOL": one}),
    st.just({"NULL": True}),
    st.lists(TEXTS, max_size=3, unique=True).map(lambda ones: {"SS": ones}),
    st.lists(st.integers(-99, 99).map(str), max_size=3, unique=True).map(lambda ones: {"NS": ones}),
    st.lists(BINARIES, max_size=3, unique=True).map(lambda ones: {"BS": ones}),
)
VALUES: st.SearchStrategy[Item] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda ones: {"L": ones}),
        st.dictionaries(NAMES, inner, max_size=3).map(lambda ones: {"M": ones}),
    ),
    max_leaves=8,
)


@st.composite
def files(draw: st.DrawFn) -> list[list[Item]]:
    items: list[Item] = draw(st.lists(st.dictionaries(NAMES, VALUES, max_size=5), max_size=8))
    keyed = [{"pk": {"S": str(number)}} | item for number, item in enumerate(items)]
    cuts = sorted(draw(st.lists(st.integers(0, len(keyed)), max_size=3)))
    return [keyed[start:end] for start, end in zip([0, *cuts], [*cuts, len(keyed)], strict=True)]


@given(
    files=files(),
    chunk=st.integers(1, 2000),
    limits=st.builds(Limits, max_depth=st.integers(1, 4), max_keys=st.integers(1, 4)),
)
@settings(max_examples=EXAMPLES, deadline=None)
def test_every_value_is_the_one_that_boto3_reads(files: list[list[Item]], chunk: int, limits: Limits) -> None:
    found, table = convert(files, chunk_bytes=chunk, limits=limits, keys=["pk"])
    items = [item for items in files for item in items]
    assert found.items == len(items)
    assert not differences(items, table, found)


@given(files=files(), seed=st.randoms(use_true_random=False))
@settings(max_examples=EXAMPLES // 2, deadline=None)
def test_columns_do_not_depend_on_the_order_or_the_cut(files: list[list[Item]], seed: Any) -> None:
    items = [item for items in files for item in items]
    first, _ = convert([items], chunk_bytes=1_000_000, workers=1)
    shuffled = list(items)
    seed.shuffle(shuffled)
    cut = len(shuffled) // 2
    second, _ = convert([shuffled[cut:], [], shuffled[:cut]], chunk_bytes=100)
    assert [(one.name, one.hive, one.types) for one in first.columns] == [
        (one.name, one.hive, one.types) for one in second.columns
    ]
    assert (first.text, first.renamed) == (second.text, second.renamed)


@given(files=files())
@settings(max_examples=EXAMPLES // 4, deadline=None)
def test_what_an_earlier_date_had_stays_as_wide(files: list[list[Item]]) -> None:
    items = [item for items in files for item in items]
    whole, _ = convert([items])
    part, table = convert([items[:1]], known=whole.schema)
    assert [(one.name, one.hive) for one in part.columns] == [(one.name, one.hive) for one in whole.columns]
    assert table.num_rows == min(1, len(items))
