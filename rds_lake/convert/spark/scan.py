"""The Spark job's first pass: every line is read in Python, with the rules of the local engine, in all workers at once.

It finds the schema (the union over all items), counts the items of each file and names bad lines. So the second pass, in Spark
alone (`columns.py`), can rely on the types.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial

from pyspark import RDD  # pyright: ignore[reportMissingImports]

from rds_lake.convert.rules.items import read_item
from rds_lake.convert.rules.tree import Limits, Node, OddValueError, merge, observe_item

_MOST_PROBLEMS = 20


@dataclass(slots=True)
class Seen:
    """The content of some lines: the tree, the number of lines by file, and problems: file, line, what is wrong."""

    root: Node = field(default_factory=lambda: Node(fields={}))
    lines: Counter[str] = field(default_factory=Counter)
    problems: list[tuple[str, int, str]] = field(default_factory=list)


def look_at_all(lines: RDD, limits: Limits) -> Seen:
    """Returns the content of all lines, pairs of file and bytes. Each file must be read by one worker from its start."""
    if not lines.getNumPartitions():
        return Seen()
    return lines.mapPartitions(partial(_look_at, limits=limits)).treeReduce(partial(_both, limits=limits))


def _look_at(lines: Iterable[tuple[str, bytes]], limits: Limits) -> Iterator[Seen]:
    seen = Seen()
    for file, line in lines:
        seen.lines[file] += 1
        try:
            observe_item(seen.root, read_item(bytes(line), "Item"), limits)
        except (OddValueError, RecursionError) as error:
            if len(seen.problems) < _MOST_PROBLEMS:
                seen.problems.append((file, seen.lines[file], str(error)))
    yield seen


def _both(first: Seen, second: Seen, limits: Limits) -> Seen:
    merge(first.root, second.root, limits)
    first.lines.update(second.lines)
    first.problems = (first.problems + second.problems)[:_MOST_PROBLEMS]
    return first
