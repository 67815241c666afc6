"""The attributes of a table and their types, from the items seen so far: one tree, which only grows.

DynamoDB writes every value with its type (`{"N": "3"}`), so nothing has to be guessed. The union of two trees depends neither
on their order nor on how the items were divided into files and chunks.

    {"total": {"N": "9.90"}, "tags": {"L": [{"S": "new"}]}}
    -> fields {"total": number 2 digits after the point, "tags": element {S}}

`columns.py` makes the columns from it.
"""

from __future__ import annotations

import binascii
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rds_lake.convert.rules.names import column_names
from rds_lake.convert.rules.numbers import INTEGER, scale_of, whole_digits, wider

TAGS = ("S", "N", "B", "BOOL", "NULL", "SS", "NS", "BS", "L", "M")
_SETS = ("SS", "NS", "BS")
_CONTENTS = {"S": str, "N": str, "B": str, "BOOL": bool, "NULL": bool, "L": list, "M": dict}


class OddValueError(ValueError):
    """A value that is not DynamoDB JSON; the message shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The limits above which an attribute becomes JSON text instead of a typed column.

    `max_depth` counts levels of maps and lists. `max_keys` limits the keys of one map, `max_columns` the attributes of the
    items: a map whose keys are ids would otherwise give a column per id.
    """

    max_depth: int = 8
    max_keys: int = 200
    max_columns: int = 1500


@dataclass(slots=True)
class Node:
    """One attribute: the types seen in it, and the nodes below. `text` says why all of it has to be JSON text, if so.

    `name`: of its column on earlier dates; None for an attribute that none of them has. `plain`: types without detail. `number` is the
    need (`numbers.py`) of its numbers, `numbers` of those in sets. `whole` is the most digits before the point of its numbers,
    `wholes` of those in sets; known only where items were observed one by one.
    """

    plain: set[str] = field(default_factory=set)
    number: int | None = None
    numbers: int | None = None
    element: Node | None = None
    fields: dict[str, Node] | None = None
    text: str | None = None
    name: str | None = field(default=None, compare=False)
    whole: int = field(default=0, compare=False)
    wholes: int = field(default=0, compare=False)

    @property
    def tags(self) -> tuple[str, ...]:
        """Returns the types seen, with NULL, in DynamoDB's order."""
        present = {
            "N": self.number is not None,
            "NS": self.numbers is not None,
            "L": self.element is not None,
            "M": self.fields is not None,
        }
        return tuple(tag for tag in TAGS if tag in self.plain or present.get(tag))


def observe_item(root: Node, item: object, limits: Limits) -> bool:
    """Add one item (attribute -> typed value) to the tree; returns whether the tree grew. OddValueError if it is not valid."""
    return _observe_fields(root, item, limits, 0)


def observe(node: Node, value: object, limits: Limits, depth: int) -> bool:
    """Add one typed value, `{"S": "x"}`, below `depth` levels; returns whether the tree grew. OddValueError if it is not valid."""
    tag, content = typed_value(value)
    if tag in ("M", "L"):
        return _observe_nested(node, tag, content, limits, depth)
    before = tag in node.plain, node.number, node.numbers
    if tag in ("B", "BS"):
        for text in content if tag == "BS" else [content]:
            _check_base64(text)
    if tag == "N":
        node.number = _most(node.number, [content])
        node.whole = max(node.whole, whole_digits(content))
    elif tag == "NS":
        node.numbers = _most(node.numbers, content)
        node.wholes = max([node.wholes, *map(whole_digits, content)])
    else:
        node.plain.add(tag)
    return before != (tag in node.plain, node.number, node.numbers)


def typed_value(value: Any) -> tuple[str, Any]:
    """Returns the type and the content of `{"S": "x"}`. OddValueError if DynamoDB never writes such a value."""
    if not isinstance(value, dict) or len(value) != 1:
        raise OddValueError(f"a value must be one type and its content, not {_shown(value)}")
    ((tag, content),) = value.items()
    if tag in _SETS:
        is_legal = isinstance(content, list) and all(isinstance(member, str) for member in content)
    else:
        is_legal = tag in _CONTENTS and isinstance(content, _CONTENTS[tag])
    if not is_legal:
        raise OddValueError(f"{tag!r} with {_shown(content)} is not a value of DynamoDB")
    return tag, content


def _check_base64(text: Any) -> None:
    try:
        binascii.a2b_base64(text, strict_mode=True)
    except ValueError as error:
        raise OddValueError(f"the binary value {_shown(text)} is not base64 with padding ({error})") from error


def _observe_nested(node: Node, tag: str, content: Any, limits: Limits, depth: int) -> bool:
    """Add a map or a list. Below an attribute that is already JSON text, values are checked but not added."""
    before = (node.fields if tag == "M" else node.element) is not None, node.text
    if depth >= limits.max_depth:
        _give_up(node, f"nested deeper than {limits.max_depth} levels")
    if tag == "M" and node.fields is None:
        node.fields = {}
    elif tag == "L" and node.element is None:
        node.element = Node()
    if isinstance(content, dict):
        grew = _observe_fields(node, content, limits, depth + 1)
    else:
        element = Node() if node.text or node.element is None else node.element
        grew = sum(observe(element, member, limits, depth + 1) for member in content) > 0 and node.text is None
    return grew or before != (True, node.text)


def _observe_fields(node: Node, content: object, limits: Limits, depth: int) -> bool:
    if not isinstance(content, dict):
        raise OddValueError(f"a map of attributes was expected, not {_shown(content)}")
    if node.fields is None:
        node.fields = {}
    grew, most = False, limits.max_keys if depth else limits.max_columns
    known = node.fields if node.text is None else {}
    for name, value in content.items():
        below = known.get(name)
        if below is None:
            below, grew = known.setdefault(name, Node()), node.text is None or grew
        grew = (observe(below, value, limits, depth) and node.text is None) or grew
    if node.text is None and len(known) > most:
        _give_up(node, f"more than {most} different keys")
    return grew


def _give_up(node: Node, why: str) -> None:
    """Make all of this attribute JSON text, and drop the nodes below."""
    node.text = min(node.text or why, why)
    node.fields = None if node.fields is None else {}
    node.element = None if node.element is None else Node()


def merge(node: Node, other: Node, limits: Limits, *, top: bool = True) -> None:
    """Add everything that `other` has seen to `node`. Merging in the other direction gives the same result."""
    node.plain |= other.plain
    node.name = min(filter(None, (node.name, other.name)), default=None)
    node.number = wider(node.number, other.number)
    node.numbers = wider(node.numbers, other.numbers)
    node.whole, node.wholes = max(node.whole, other.whole), max(node.wholes, other.wholes)
    if other.element is not None:
        node.element = node.element or Node()
        merge(node.element, other.element, limits, top=False)
    if other.fields is not None:
        node.fields = {} if node.fields is None else node.fields
        for name, below in other.fields.items():
            merge(node.fields.setdefault(name, Node()), below, limits, top=False)
        most = limits.max_columns if top else limits.max_keys
        if len(node.fields) > most:
            _give_up(node, f"more than {most} different keys")
    if other.text or node.text:
        _give_up(node, other.text or node.text or "")


def to_plain(node: Node) -> dict[str, Any]:
    """Returns the tree as values for JSON; `from_plain` reads them."""
    body: dict[str, Any] = {"plain": sorted(node.plain)}
    optional = {"number": node.number, "numbers": node.numbers, "text": node.text}
    body |= {name: value for name, value in optional.items() if value is not None}
    if node.element is not None:
        body["element"] = to_plain(node.element)
    if node.fields is not None:
        body["fields"] = {original: to_plain(below) for original, below in sorted(node.fields.items())}
        names = names_of(node.fields)
        if names != column_names(node.fields):  # else the rule alone gives them again
            for original, name in names.items():
                body["fields"][original]["name"] = name
    return body


def from_plain(body: Mapping[str, Any]) -> Node:
    """Returns the tree that `to_plain` wrote, with a name for every attribute.

    KeyError, TypeError, ValueError or AttributeError for anything else.
    """
    name = body.get("name")
    if not isinstance(name, str | None):
        raise TypeError(f"{_shown(name)} is not the name of a column")
    fields = {original: from_plain(below) for original, below in body.get("fields", {}).items()}
    for original, kept in names_of(fields).items():
        fields[original].name = kept
    return Node(
        plain=set(body["plain"]),
        number=body.get("number"),
        numbers=body.get("numbers"),
        text=body.get("text"),
        name=name,
        element=from_plain(body["element"]) if "element" in body else None,
        fields=fields if "fields" in body else None,
    )


def names_of(fields: Mapping[str, Node]) -> dict[str, str]:
    """Returns the column names of the attributes of one level: those of earlier dates, and new ones for the others."""
    return column_names(fields, {original: node.name for original, node in fields.items() if node.name is not None})


def _most(known: int | None, values: Iterable[str]) -> int | None:
    """Returns the need of the known numbers and these together; an empty set of numbers needs integers."""
    widest = wider(known, INTEGER)
    for value in values:
        need = scale_of(value)
        if need is None:
            raise OddValueError(f"{_shown(value)} is not a number")
        widest = wider(widest, need)
    return widest


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
