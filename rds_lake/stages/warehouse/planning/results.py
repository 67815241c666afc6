"""Makes the results of a plan: the requested unloads of lake.yaml with their queries and folders."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rds_lake.config.warehouse import UnloadOfQuery, WarehouseSettings
from rds_lake.config.warehouses.results import PLACEHOLDER
from rds_lake.model.warehouse.plan import FileFormat, Load, Step, Unload
from rds_lake.sql.quoting import identifier
from rds_lake.sql.warehouse.statements import filled
from rds_lake.sql.warehouse.steps import needed_by
from rds_lake.sql.warehouse.unloading import unload_problems

_GB = 1024**3
_SEGMENT = re.compile(r"^[\w.=-]{1,200}$")


def planned_results(
    settings: WarehouseSettings,
    wanted: Sequence[str] | None,
    parameters: Mapping[str, str],
    run: Mapping[str, str],
    loads: Sequence[Load],
    steps: Sequence[Step],
    problems: list[str],
) -> tuple[Unload, ...]:
    """Returns the unloads named in `wanted` (None: all). `run`: values for `to:`, besides parameters."""
    known = {result.name: result for result in settings.unload}
    problems += [
        f"$.results[{at}]: lake.yaml has no result {name!r}; it has {', '.join(known) or 'none'}"
        for at, name in enumerate(wanted or ())
        if name not in known
    ]
    taken = {step.name for step in steps}
    unloads: list[Unload] = []
    for result in settings.unload:
        if wanted is not None and result.name not in wanted:
            continue
        if result.name in taken:
            problems.append(
                f"{result.name}.sql: a result has the same name, and both would be the same asset; rename the file"
            )
        where = f"lake.yaml: warehouse {settings.name!r}: unload {result.name!r}"
        query = _query(result, parameters, where, problems)
        to = _place(result, {**parameters, **run}, where, problems)
        needs = needed_by(query, [load.name for load in loads], steps) if query else ()
        unloads.append(_unload(result, query, to, needs))
        problems += [f"lake.yaml: warehouse {settings.name!r}: {wrong}" for wrong in unload_problems(unloads[-1])]
    return tuple(unloads)


def _query(result: UnloadOfQuery, parameters: Mapping[str, str], where: str, problems: list[str]) -> str:
    if result.table is not None:
        return f"SELECT * FROM {identifier(result.table)}"
    sql, wrong = filled(result.query or "", parameters)
    problems += [f"{where}: {problem}" for problem in wrong]
    return sql


def _place(result: UnloadOfQuery, values: Mapping[str, str], where: str, problems: list[str]) -> str:
    def value(match: re.Match[str]) -> str:
        text = values.get(match[1], "")
        if not _SEGMENT.match(text) or text in (".", ".."):
            problems.append(
                f"{where}: to: {match[1]} is {text[:60]!r}, which is not a valid name of a folder; use only letters, digits, "
                "`_`, `.`, `=` and `-`"
            )
        return text

    return PLACEHOLDER.sub(value, result.to)


def _unload(result: UnloadOfQuery, query: str, to: str, needs: Sequence[str]) -> Unload:
    return Unload(
        name=result.name,
        query=query,
        to=to,
        format=FileFormat(result.format),
        header=result.has_header,
        gzip=result.gzip,
        single_file=result.single_file,
        most_bytes=round(result.most_gb * _GB),
        delimiter=result.delimiter,
        partition_by=result.partition_by,
        needs=tuple(needs),
    )
