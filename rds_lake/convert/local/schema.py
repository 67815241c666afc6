"""The schema of a table while it is being read: all workers share it, and it only grows.

A chunk is parsed with the types known so far: by the compiled parser if it exists and the chunk fits, else by pyarrow. If it
does not fit, its lines are read in Python: either they extend the schema, or a line is wrong and an error names it. Numbers that
do not fit their column extend the schema without reading lines again.

`table.py` decides what happens to files that were written with an older plan.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from ctypes import CDLL
from threading import Lock, local
from typing import Any

import pyarrow as pa

from rds_lake.convert.local.compiled import Left, Parser
from rds_lake.convert.local.lines import Chunk, damaged
from rds_lake.convert.local.plan import Plan, build_plan
from rds_lake.convert.local.wrapped import Misfit, parse, typed
from rds_lake.convert.rules.columns import Rules
from rds_lake.convert.rules.items import read_item
from rds_lake.convert.rules.numbers import next_wider, scale_of, wider
from rds_lake.convert.rules.tree import Limits, Node, OddValueError, observe_item

_SOME = 64 * 1024


class Schema:
    """The tree, its lock, and the plan for the newest tree. `compiled`: the library of the compiled parser, if there is one.

    `left` counts the items that the compiled parser did not read.
    """

    def __init__(
        self, root: Node, rules: Rules, limits: Limits, member: str = "Item", compiled: CDLL | None = None
    ) -> None:
        self._root = root
        self._rules = rules
        self._limits = limits
        self._member = member
        self._keeps_nulls = False
        self._lock = Lock()
        self._live: dict[int, Node] = {}
        self._compiled = compiled
        self._of_thread = local()
        self.left = 0
        self._plan = self._build()

    @property
    def root(self) -> Node:
        """Returns the tree; the caller must not change it."""
        return self._root

    @property
    def plan(self) -> Plan:
        """Returns the columns of everything seen so far."""
        return self._plan

    def convert(self, chunk: Chunk) -> tuple[Plan, pa.RecordBatch]:
        """Returns the chunk's items as columns. ConversionError names the wrong line."""
        some = _SOME
        while True:
            plan = self._plan
            batch = self._parse_compiled(chunk, plan)
            if isinstance(batch, pa.RecordBatch):
                return plan, batch
            if batch is Left.NEW:
                # Mostly a single line is new. If many are, four times as many lines are read each time.
                grew, some = self.learn(chunk.part(self._of_thread.parser.stopped, some)), some * 4
                if grew or self._plan is not plan:
                    continue
            items = self._parse(chunk, plan)
            if items is None:
                continue
            try:
                batch, misfits = typed(items, plan)
                if not misfits:
                    batch.validate(full=True)
                    with self._lock:
                        self.left += chunk.lines
                    return plan, batch
            except ValueError as error:  # pa.ArrowInvalid is one
                self.learn(chunk)
                raise _unexplained(chunk, error) from error
            self._widen(chunk, plan, misfits)

    def learn(self, chunk: Chunk) -> bool:
        """Read the lines in Python; returns whether the tree grew. ConversionError for the first wrong line."""
        with self._lock:
            grew = False
            for number, line in chunk.numbered():
                try:
                    grew = observe_item(self._root, read_item(line, self._member), self._limits) or grew
                except (OddValueError, RecursionError) as error:
                    raise damaged(chunk.file, number, str(error)) from error
            if self._root.text is not None:
                raise damaged(chunk.file, None, f"the table has {self._root.text}; raise `max_columns` of the source")
            if grew:
                self._plan = self._build()
        return grew

    def _build(self) -> Plan:
        """Returns a plan for a copy of the tree: other workers still read it while the tree grows."""
        copies: dict[int, Any] = {}
        copy = deepcopy(self._root, copies)
        originals = {id(node): node for node in _nodes(self._root)}
        self._live = {id(copies[number]): node for number, node in originals.items()}
        return build_plan(copy, self._rules, keeps_nulls=self._keeps_nulls)

    def _parse_compiled(self, chunk: Chunk, plan: Plan) -> pa.RecordBatch | Left:
        """Returns the columns, or why pyarrow has to read the chunk. Each thread has its own parser for one plan."""
        if self._compiled is None:
            return Left.ODD
        parser: Parser | None = getattr(self._of_thread, "parser", None)
        if parser is None or parser.plan is not plan:
            parser = self._of_thread.parser = Parser(self._compiled, plan, self._member)
        return parser.parse(chunk.data, chunk.lines)

    def _parse(self, chunk: Chunk, plan: Plan) -> pa.StructArray | None:
        """Returns the wrapped items; None if the plan has changed and the chunk must be parsed again."""
        try:
            items = parse(chunk.data, plan, member=self._member)
            if len(items) == chunk.lines and not items.null_count:
                return items
            problem: Exception = ValueError(f"{len(items) - items.null_count} items in {chunk.lines} lines")
        except ValueError as error:  # pa.ArrowInvalid is one
            problem = error
        if self.learn(chunk) or self._plan is not plan:
            return None
        with self._lock:
            if (
                not self._keeps_nulls
            ):  # there may be spaces within {"NULL": true}: from now on NULL is parsed like all others
                self._keeps_nulls = True
                self._plan = self._build()
                return None
        raise _unexplained(chunk, problem) from problem

    def _widen(self, chunk: Chunk, plan: Plan, misfits: list[Misfit]) -> None:
        """Extend the types in the tree for numbers that did not fit."""
        if any(scale_of(text) is None for misfit in misfits for text in _texts(misfit)):
            self.learn(chunk)  # raises an error that names the line
        with self._lock:
            if self._plan is plan:  # else another worker may have done so already
                for misfit in misfits:
                    _widen_node(self._live[id(misfit.column.node)], misfit)
                self._plan = self._build()


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for below in [*(node.fields or {}).values(), *([node.element] if node.element else [])]:
        yield from _nodes(below)


def _widen_node(node: Node, misfit: Misfit) -> None:
    column = misfit.column
    known = need = column.scale
    for text in _texts(misfit):
        need = wider(need, scale_of(text))
    if need == known:  # each number alone fits a decimal, but not with as many digits after the point as others have
        need = next_wider(known)
    if column.of_set:
        node.numbers = need
    else:
        node.number = need


def _texts(misfit: Misfit) -> list[str]:
    return [text for text in misfit.values.unique().to_pylist() if text is not None]


def _unexplained(chunk: Chunk, problem: Exception) -> Exception:
    return damaged(
        chunk.file,
        None,
        f"lines {chunk.first_line:,} to {chunk.first_line + chunk.lines - 1:,} cannot be converted: {problem}",
    )
