"""The compiled parser gives what the portable one gives, or leaves the chunk to it; whatever the bytes are."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_lake.convert.local import compiled
from rds_lake.convert.local.compiled import INSTALL, Left, Parser, library
from rds_lake.convert.local.lines import Chunk
from rds_lake.convert.local.schema import Schema
from rds_lake.convert.rules.columns import Rules
from rds_lake.convert.rules.tree import Limits, Node
from rds_lake.errors import ConversionError
from rds_lake_tests.convert.reading import Item, convert
from rds_lake_tests.convert.test_bad_input import BAD_LINES, BAD_TEXTS, line
from rds_lake_tests.convert.test_round_trip import EXAMPLES, VALUES, files
from rds_lake_tests.fakes.sinks import file_of

pytestmark = pytest.mark.skipif(library() is None, reason=f"the compiled parser was not built: {INSTALL}")

LIMITS = st.builds(Limits, max_depth=st.integers(1, 4), max_keys=st.integers(1, 4))
RULES = st.builds(Rules, keys=st.just(["pk"]), numbers=st.sampled_from(["exact", "double"]), flat=st.booleans())
STYLES = st.fixed_dictionaries(
    {"ensure_ascii": st.booleans(), "separators": st.sampled_from([(",", ":"), (", ", ": "), (" ,\t", " :\r")])}
)


def chunk_of(data: bytes) -> Chunk:
    lines = data.count(b"\n") + (not data.endswith(b"\n"))
    return Chunk(file=file_of([]), number=0, first_line=1, lines=lines, data=data)


def text_of(items: list[Item], style: dict[str, Any]) -> bytes:
    return "".join(json.dumps({"Item": item}, **style) + "\n" for item in items).encode()


def require_same(data: bytes, root: Node, rules: Rules, limits: Limits) -> Left | None:
    """Why the chunk was left; None if it was read: then the portable parser must learn nothing new and read the same."""
    found = library()
    assert found is not None
    chunk = chunk_of(data)
    schema = Schema(deepcopy(root), rules, limits)
    plan = schema.plan
    mine = Parser(found, plan, "Item").parse(chunk.data, chunk.lines)
    if isinstance(mine, Left):
        return mine
    portable, batch = schema.convert(chunk)
    assert portable.schema == plan.schema
    assert mine.equals(batch), f"{mine.to_pylist()} instead of {batch.to_pylist()}"
    return None


@given(files=files(), chunk=st.integers(1, 2000), limits=LIMITS, numbers=st.sampled_from(["exact", "double"]))
@settings(max_examples=EXAMPLES, deadline=None)
def test_a_table_is_the_same_with_and_without_the_compiled_parser(
    files: list[list[Item]], chunk: int, limits: Limits, numbers: str
) -> None:
    options = {"chunk_bytes": chunk, "limits": limits, "numbers": numbers, "keys": ["pk"]}
    one, table = convert(files, **options)
    other, portable = convert(files, **options, parser="portable")
    assert (one.parser, other.parser) == ("compiled", "portable")
    assert (one.columns, one.text, one.renamed, one.items) == (other.columns, other.text, other.renamed, other.items)
    if table.num_rows:
        assert table.sort_by("pk").equals(portable.sort_by("pk"))


@given(items=st.lists(st.dictionaries(st.sampled_from("abcAé"), VALUES), min_size=1, max_size=6), limits=LIMITS, rules=RULES,
       style=STYLES, seed=st.integers(0, 99))  # fmt: skip
@settings(max_examples=EXAMPLES * 2, deadline=None)
def test_items_whose_types_are_known_are_read_as_the_portable_parser_reads_them(
    items: list[Item], limits: Limits, rules: Rules, style: dict[str, Any], seed: int
) -> None:
    schema = Schema(Node(fields={}), rules, limits)
    schema.convert(chunk_of(text_of(items, style)))
    random.Random(seed).shuffle(items)
    shuffled = [dict(random.Random(seed).sample(list(item.items()), len(item))) for item in items]
    require_same(text_of(shuffled, style), schema.root, rules, limits)


def test_what_dynamodb_writes_is_not_left_to_python() -> None:
    """Otherwise the other tests would pass by leaving everything to the portable parser, and nothing would be fast."""
    items = rich_items(400)
    found, _ = convert([items[:200], items[200:]], chunk_bytes=9_000)
    assert (found.parser, found.left) == ("compiled", 0)


def test_a_library_of_another_release_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_VERSION", 0)
    assert compiled.library.__wrapped__() is None


@pytest.mark.parametrize(("bad", "said"), [*BAD_LINES, *((f'{{"Item":{{"pk":{text}}}}}', "") for text, _ in BAD_TEXTS)])
def test_a_bad_line_is_left_to_python(bad: str, said: str) -> None:
    del said
    root = Schema(Node(fields={}), Rules(), Limits())
    root.learn(chunk_of(line(1, n={"N": "1"}).encode()))
    data = f"{line(1)}\n{bad}\n{line(2)}\n".encode("utf-8", "surrogatepass")
    assert require_same(data, root.root, Rules(), Limits()) is not None


@pytest.mark.exhaustive
@given(data=st.data(), seed=st.integers(0, 10**6), count=st.integers(1, 6))
@settings(max_examples=EXAMPLES * 4, deadline=None)
def test_damaged_bytes_are_read_like_the_portable_parser_or_left(data: st.DataObject, seed: int, count: int) -> None:
    limits = Limits(max_depth=3, max_keys=6)
    schema, text = learned(limits)
    damaged = mutated(text, random.Random(seed), count)
    if damaged:
        try:
            require_same(damaged, schema.root, Rules(), limits)
        except ConversionError as error:
            pytest.fail(f"the compiled parser took what the portable one refuses: {error}\n{damaged!r}")


def learned(limits: Limits) -> tuple[Schema, bytes]:
    """A schema that knows the items, and a chunk of them."""
    text = text_of(rich_items(8), {"ensure_ascii": False, "separators": (",", ":")})
    schema = Schema(Node(fields={}), Rules(), limits)
    schema.convert(chunk_of(text))
    return schema, text


def rich_items(count: int) -> list[Item]:
    """Items with every kind of column, deterministic."""
    chance = random.Random(7)
    return [
        {
            "pk": {"S": f"{n:05}"},
            "text": {"S": chance.choice(["", "é", 'a"b\\c\n\u0001', "x" * 40, "/ 😀"])},
            "whole": {"N": str(chance.randrange(-(2**63), 2**63))},
            "money": {"N": f"{chance.randrange(10**6)}.{chance.randrange(100):02}"},
            "huge": {"N": "9" * chance.randrange(20, 38)},
            "odd": {"N": chance.choice(["1E+120", "1", "-2.5E-100"])},
            "flag": {"BOOL": chance.random() < 0.5},
            "none": {"NULL": True},
            "bytes": {"B": chance.choice(["", "aGk=", "aA==", "aGkh"])},
            "words": {"SS": ["a", "b\n"][: chance.randrange(3)]},
            "numbers": {"NS": ["1", "2.5"]},
            "blobs": {"BS": ["aGk="]},
            "map": {"M": {"a": {"S": "x"}, "b": {"L": [{"N": "1"}, {"NULL": True}]}}},
            "maps": {"L": [{"M": {"q": {"N": "1"}}}, {"M": {}}][: chance.randrange(3)]},
            "several": chance.choice([{"S": 'a"b'}, {"N": "1.5"}, {"M": {"z": {"BOOL": True}, "a": {"NULL": True}}}]),
            "deep": {"M": {"a": {"M": {"b": {"M": {"d": {"S": "\t"}, "c": {"L": [{"B": "aGk="}]}}}}}}},
            "empty": {"M": {}},
        }
        for n in range(count)
    ]


def mutated(text: bytes, chance: random.Random, count: int) -> bytes:
    """The text with some bytes replaced, taken out, doubled or brought from elsewhere."""
    found = bytearray(text)
    for _ in range(count):
        at, size = chance.randrange(len(found) + 1), chance.choice([1, 1, 1, 2, 5, 40])
        other = chance.randrange(len(text))
        piece = chance.choice([b"", bytes(chance.choices(b'"\\{}[]:,0-.eE \n\x00\xc3=', k=size)),
                               bytes(chance.choices(range(256), k=size)), text[other : other + size]])  # fmt: skip
        found[at : at + chance.choice([0, len(piece), size])] = piece
    return bytes(found)


@given(number=st.one_of(
    st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,4})?", fullmatch=True),
    st.from_regex(r"[-+]?[0-9]{0,3}\.?[0-9]{0,3}([eE][+-]?[0-9]{0,2})?", fullmatch=True)),
    scale=st.sampled_from([-1, 0, 2, 6, 18, 38, 45]))  # fmt: skip
@settings(max_examples=EXAMPLES * 5, deadline=None)
def test_a_number_has_the_same_digits_or_is_left(number: str, scale: int) -> None:
    root = Node(fields={"n": Node(number=scale)})
    require_same(f'{{"Item":{{"n":{{"N":"{number}"}}}}}}'.encode(), root, Rules(), Limits())
