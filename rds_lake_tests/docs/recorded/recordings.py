"""The recordings of docs/terminal.md: what was typed, and what the terminal said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

PAGE = Path("docs/terminal.md")
_BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
# What differs from one run or release to the next: instants, times, ids, ports, versions, and how wide a table becomes by them.
_CHANGES = (
    (re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d)?)?"), "<date>"),
    (re.compile(r"\b\d+(\.\d+)? ?(s|seconds|minutes)\b"), "<time>"),
    (re.compile(r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<host>"),
    (re.compile(r"\bversion \S+"), "<version>"),
    (re.compile(r"[─━]+|\s+"), " "),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """One line behind a `$`, and what followed it."""

    line: str
    said: str


def recorded(text: str) -> list[list[Typed]]:
    """The blocks of the page, each with its lines."""
    return [list(_typed(block)) for block in _BLOCK.findall(text)]


def stable(said: str) -> list[str]:
    """The lines that are the same in each run, without what changes in them."""
    lines = []
    for line in said.splitlines():
        for what, word in _CHANGES:
            line = what.sub(word, line)
        lines.append(line.strip())
    return [line for line in lines if line]


def rewritten(text: str, blocks: Sequence[Sequence[Typed]]) -> str:
    """The page with these recordings."""
    new = iter(blocks)
    return _BLOCK.sub(lambda _: f"```console\n{''.join(map(_shown, next(new)))}```", text)


def _shown(typed: Typed) -> str:
    said = "\n".join(line.rstrip() for line in typed.said.strip("\n").splitlines())
    return f"$ {typed.line}\n{said}\n" if said else f"$ {typed.line}\n"


def _typed(block: str) -> Iterator[Typed]:
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        line, _, said = part.partition("\n")
        yield Typed(line=line, said=said)
