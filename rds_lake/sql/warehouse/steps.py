"""Steps from `.sql` files: checked, with parameters filled in, and ordered by their needs.

    -- needs: orders, cleaned        loads and steps that must have ended before. Default: by the tables that its statements read
    -- transaction: off              each statement runs alone: for VACUUM and others that cannot run in a transaction

Both are comments at the beginning of the file. A step is one transaction: all of its statements, or none. A step of more than
40 statements is several transactions, one after the other in the same session.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from rds_lake.errors import ConfigError
from rds_lake.model.warehouse.orders import Section
from rds_lake.model.warehouse.plan import Step
from rds_lake.sql.warehouse.statements import FileStatement, filled, split, too_long

if TYPE_CHECKING:
    from rds_lake.sql.warehouse.tables import Tables

MOST_TOGETHER = 40  # statements of one call, https://docs.aws.amazon.com/redshift-data/latest/APIReference/API_BatchExecuteStatement.html
_DIRECTIVE = re.compile(r"\s*--\s*(needs|transaction)\s*:(.*)")
_HEAD = re.compile(r"\s*--")


def read_steps(
    files: Mapping[str, str], parameters: Mapping[str, str], *, loads: Collection[str] = ()
) -> tuple[Step, ...]:
    """Returns the steps of files (name without `.sql` and text), in an order in which they can run.

    `loads`: names of loaded tables. Raises ConfigError with every problem of every file, and steps that need each
    other.
    """
    problems: list[str] = []
    texts: dict[str, str] = {}
    for name, text in sorted(files.items()):
        sql, wrong = filled(text, parameters)
        texts[name] = sql
        problems += [f"{name}.sql: {problem}" for problem in (*wrong, *_alone(sql))]
    needs = _needs(texts, loads)
    known = {*texts, *loads}
    for name, needed in needs.items():
        problems += [
            f"{name}.sql: it needs {each!r}, which is neither a load nor a step" for each in needed if each not in known
        ]
        if name in loads:
            problems.append(f"{name}.sql: a load has the same name; rename the file")
    ordered, circle = in_order(needs)
    if circle:
        links = ", ".join(f"{one} needs {other}" for one, other in zip(circle, (*circle[1:], circle[0]), strict=True))
        problems.append(
            f"{links}: these steps need each other in a circle; change `-- needs:` in one of them, or join them in one file"
        )
    if problems:
        raise ConfigError("the steps of the warehouse cannot run:", problems)
    return tuple(Step(name=name, sql=texts[name], needs=tuple(needs[name])) for name in ordered)


def needed_by(sql: str, loads: Collection[str], steps: Sequence[Step]) -> tuple[str, ...]:
    """Returns the loads and steps whose tables a query reads."""
    from rds_lake.sql.warehouse.tables import tables_of  # not every process that imports this module needs its parser

    written = {step.name: tables_of(step.sql).written for step in steps}
    return tuple(_read_from(tables_of(sql, {*loads, *set[str]().union(*written.values())}).read, loads, written))


def sections_of(step: Step) -> tuple[Section, ...]:
    """Returns the sections in which the step is sent, 40 statements at a time."""
    together = _directive(step.sql, "transaction") not in ("off", "no", "none")
    sqls = [statement.sql for statement in split(step.sql)]
    groups = [tuple(sqls[begin : begin + MOST_TOGETHER]) for begin in range(0, len(sqls), MOST_TOGETHER)]
    return tuple(Section(sqls=group, together=together) for group in groups)


def statement_at(step: Step, section: int, part: int) -> tuple[int, int, FileStatement]:
    """Returns the statement's number, from 1, the number of statements, and the statement."""
    statements = split(step.sql)
    number = section * MOST_TOGETHER + part
    return number + 1, len(statements), statements[number]


def in_order(needs: Mapping[str, Collection[str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Returns the names, each after those that it needs and otherwise alphabetically, and the names of a circle, if there is one."""
    left = {name: {each for each in needed if each in needs} for name, needed in needs.items()}
    ordered: list[str] = []
    while left:
        ready = sorted(name for name, needed in left.items() if not needed)
        if not ready:
            return tuple(ordered), _circle(left)
        ordered.append(ready[0])
        del left[ready[0]]
        for needed in left.values():
            needed.discard(ready[0])
    return tuple(ordered), ()


def _circle(left: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    path = [min(left)]
    while (following := min(left[path[-1]])) not in path:
        path.append(following)
    return tuple(path[path.index(following) :])


def _alone(sql: str) -> tuple[str, ...]:
    """Returns the problems of one file."""
    given = _directive(sql, "transaction")
    wrong = () if given in (None, "on", "off") else (f"`-- transaction: {given}`: write on or off",)
    empty = () if split(sql) else ("it has no statement",)
    return (*too_long(sql), *wrong, *empty)


def _needs(texts: Mapping[str, str], loads: Collection[str]) -> dict[str, list[str]]:
    from rds_lake.sql.warehouse.tables import tables_of

    known = {name.lower() for name in loads}
    tables_of_steps = {name: tables_of(sql) for name, sql in texts.items()}
    known |= set[str]().union(*(tables.written for tables in tables_of_steps.values())) if tables_of_steps else set()
    tables_of_steps = {name: tables_of(sql, known) for name, sql in texts.items()}
    written = {name: tables.written for name, tables in tables_of_steps.items()}
    needs: dict[str, list[str]] = {}
    for name, tables in tables_of_steps.items():
        declared = _directive(texts[name], "needs")
        if declared is not None:
            needs[name] = [each.strip() for each in declared.split(",") if each.strip()]
        else:
            needs[name] = _parsed(name, tables, loads, tables_of_steps, written)
    return needs


def _parsed(
    name: str,
    tables: Tables,
    loads: Collection[str],
    tables_of_steps: Mapping[str, Tables],
    written: Mapping[str, set[str]],
) -> list[str]:
    """Returns the needs of a step: all steps that write a table it reads, and the step that creates a table it changes."""
    others = {other: names for other, names in written.items() if other != name}
    makers = {other: step_tables.made for other, step_tables in tables_of_steps.items() if other != name}
    only_read = tables.read - tables.written
    only_changed = tables.changed - tables.made
    needs = [*_read_from(only_read, loads, others), *_read_from(only_changed, loads, makers)]
    return list(dict.fromkeys(needs))


def _read_from(read: Collection[str], loads: Collection[str], written: Mapping[str, set[str]]) -> list[str]:
    return [
        *(load for load in loads if load.lower() in read),
        *(name for name, names in written.items() if names & set(read)),
    ]


def _directive(sql: str, word: str) -> str | None:
    """Returns the value of a comment at the beginning of the file."""
    for line in sql.splitlines():
        match = _DIRECTIVE.match(line)
        if match and match[1] == word:
            return match[2].strip()
        if line.strip() and not _HEAD.match(line):
            return None
    return None
