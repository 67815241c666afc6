"""docs/permissions.md: each statement and action of the printed policies, and the calls of the journey that need it.

`python -m bench.replay_table` writes it; `test_replay.py` compares it with what its own journey finds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rds_lake.infra.policy.document import PolicyDocument
from rds_lake_tests.permissions.replay import Call, hanging
from rds_lake_tests.permissions.unused import UNUSED

PAGE = Path(__file__).parents[2] / "docs" / "permissions.md"
COMMAND = "python -m bench.replay_table"
BEGIN, END = "<!-- replay: begin -->", "<!-- replay: end -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """An action of a statement. `operations`: those that are refused without it; `step`: where the first of them came."""

    role: str
    sid: str
    action: str
    operations: tuple[str, ...]
    step: str = ""

    @property
    def text(self) -> str:
        """The row as Markdown."""
        called = ", ".join(f"`{operation}`" for operation in self.operations)
        return f"| `{self.sid}` | `{self.action}` | {called or self._reason} | {self.step} |"

    @property
    def _reason(self) -> str:
        """Why it is there, although no call of the journey needs it."""
        whole = f"{self.role} {self.sid}"
        return f"*none here:* {UNUSED.get(f'{whole} {self.action}') or UNUSED[whole]}"


def rows(documents: Mapping[str, PolicyDocument], calls: list[Call]) -> list[Row]:
    """A row for each action of each statement of each role."""
    return [row for role, document in documents.items() for row in _of_role(role, document, calls)]


def _of_role(role: str, document: PolicyDocument, calls: list[Call]) -> Iterator[Row]:
    by_statement = hanging(role, document, calls)
    for statement in document.statements:
        for action in statement.actions:
            needing = [call for call in by_statement[statement.sid] if call.decision.action.lower() == action.lower()]
            operations = tuple(sorted({call.decision.operation for call in needing}))
            step = needing[0].step if needing else ""
            yield Row(role=role, sid=statement.sid, action=action, operations=operations, step=step)


def section(found: Iterable[Row]) -> str:
    """The lines between the page's two marks: a table for each role."""
    tables: dict[str, list[str]] = {}
    for row in found:
        tables.setdefault(row.role, ["| statement | action | refused without it | first in |", "|---|---|---|---|"])
        tables[row.role].append(row.text)
    return "\n\n".join(f"### `{role}`\n\n" + "\n".join(lines) for role, lines in tables.items())


def replaced(page: str, found: Iterable[Row]) -> str:
    """The page with the section as it should be."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n\n{section(found)}\n\n{END}{rest.split(END)[1]}"
