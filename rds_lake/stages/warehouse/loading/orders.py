"""Decides the statements of every load of a run before anything is loaded, and collects all problems.

The order of a load, and the manifest of its COPY, are objects below the run's staging. `prepared.json` is written last, so it
proves that all others exist. An existing order is never replaced, whether a killed turn or another running one wrote it,
because statements are sent by it and the load is compared with it. So each list of files has its own manifest.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from rds_lake.errors import RdsLakeError, is_transient
from rds_lake.model.warehouse.lake_rows import LakeRows
from rds_lake.model.warehouse.orders import LoadOrder, render_order
from rds_lake.model.warehouse.plan import Files, LakeTable, Load, Plan
from rds_lake.model.warehouse.target import Target
from rds_lake.sql.warehouse.loading import MOST_COLUMNS, Expected, render_file_load
from rds_lake.sql.warehouse.statements import MOST_BYTES
from rds_lake.stages.lake.shared_state import change_bytes
from rds_lake.stages.warehouse.loading.files import FoundFile, are_packed, find_files, render_manifest
from rds_lake.stages.warehouse.loading.lake import lake_order
from rds_lake.stages.warehouse.work.run_context import RunContext
from rds_lake.threads import cancelling_threads

_DONE = "prepared.json"
_THREADS = 16
_LONGEST_NAME = 127  # bytes, https://docs.aws.amazon.com/redshift/latest/dg/r_names.html


def are_prepared(context: RunContext) -> bool:
    """Whether the orders of all loads are written."""
    return context.s3.find_head(context.bucket, context.key(_DONE)) is not None


def prepare(plan: Plan, target: Target, context: RunContext) -> Mapping[str, str]:
    """Writes the orders of all loads and returns problems by load; with problems, nothing is marked as prepared.

    Transient errors are raised.
    """
    rows_of_tables, problems = _rows(plan, context)
    problems |= _name_problems(plan)
    with cancelling_threads(_THREADS, "orders") as pool:
        wrong = list(pool.map(lambda load: _prepare(load, plan, target, context, rows_of_tables), plan.loads))
    problems |= {
        load.name: problem
        for load, problem in zip(plan.loads, wrong, strict=True)
        if problem and load.name not in problems
    }
    if not problems:
        context.s3.put_text(context.bucket, context.key(_DONE), "{}", kms_key=context.kms_key)
    return problems


def _rows(plan: Plan, context: RunContext) -> tuple[dict[LakeTable, LakeRows], dict[str, str]]:
    """Reads the inputs of the loads from the lake, once per source and date."""
    wanted: dict[tuple[str, date], list[tuple[Load, LakeTable]]] = defaultdict(list)
    for load in plan.loads:
        if isinstance(load.origin, LakeTable):
            wanted[load.origin.source, load.origin.snapshot_date].append((load, load.origin))
    rows_of_tables: dict[LakeTable, LakeRows] = {}
    problems: dict[str, str] = {}
    for (source, day), loads in wanted.items():
        try:
            there = context.rows_of_lake(source, day, {table.table for _, table in loads})
        except RdsLakeError as error:
            if is_transient(error):
                raise
            problems |= {load.name: f"load {load.name}: {error}" for load, _ in loads}
            continue
        rows_of_tables |= {table: there[table.table] for _, table in loads if table.table in there}
        for load, table in loads:
            if table.table not in there:
                problems[load.name] = (
                    f"load {load.name}: {source} has no table {table.table!r} on {day}; use the table's name in Athena"
                )
    return rows_of_tables, problems


def _prepare(
    load: Load, plan: Plan, target: Target, context: RunContext, rows_of_tables: Mapping[LakeTable, LakeRows]
) -> str:
    """Writes one order and returns its problems."""
    new = new_name(plan.run, load.name)
    files: tuple[FoundFile, ...]
    if isinstance(load.origin, Files):
        files, wrong = find_files(context.s3, load.origin)
        manifest, listing = _manifest(load, files, context)
        wrong = (*wrong, *_column_problems([column.name for column in load.origin.columns]))
        expected = Expected(rows=None, bytes=sum(file.bytes for file in files), files=len(files))
        order = render_file_load(
            load.name.lower(),
            new,
            load.origin,
            manifest=context.uri(manifest),
            role=target.role,
            gzip=are_packed(files),
            expected=expected,
        )
    elif load.origin in rows_of_tables:
        rows = rows_of_tables[load.origin]
        files = tuple(FoundFile(uri=f"s3://{rows.bucket}/{file.key}", bytes=file.bytes) for file in rows.files)
        manifest, listing = _manifest(load, files, context)
        order, wrong = lake_order(
            load, rows, new, day=load.origin.snapshot_date, manifest=context.uri(manifest), role=target.role
        )
        wrong = (*wrong, *_column_problems([column.name for column in rows.columns]))
    else:
        return ""
    wrong = (*wrong, *_size_problems(order))
    if not wrong:
        if any(" MANIFEST" in sql for section in order.sections for sql in section.sqls):
            context.s3.put_text(context.bucket, manifest, listing, kms_key=context.kms_key)
        _write_once(context, context.key("loads", f"{load.name}.json"), render_order(order).encode())
    return f"load {load.name}: {'; '.join(wrong)}" if wrong else ""


def _manifest(load: Load, files: Sequence[FoundFile], context: RunContext) -> tuple[str, str]:
    """Returns the key and the text of the manifest of these files."""
    listing = render_manifest(files)
    digest = hashlib.sha256(listing.encode()).hexdigest()[:16]
    return context.key("copy", f"{load.name}-{digest}.manifest"), listing


def _write_once(context: RunContext, key: str, body: bytes) -> None:
    """Writes the object unless it exists."""
    change_bytes(
        context.s3,
        context.bucket,
        key,
        lambda there: body if there is None else None,
        kms_key=context.kms_key,
        look_first=False,
    )


def new_name(run: str, load: str) -> str:
    """Returns the name of the table that the load fills first; no other run uses it."""
    return f"rds_lake_{hashlib.sha256(f'{run}/{load}'.encode()).hexdigest()[:24]}"


def _name_problems(plan: Plan) -> dict[str, str]:
    seen: dict[str, str] = {}
    problems: dict[str, str] = {}
    for load in plan.loads:
        other = seen.setdefault(load.name.lower(), load.name)
        if other != load.name or list(plan.loads).count(load) > 1:
            problems[load.name] = (
                f"load {load.name}: in lower case, as in Redshift, it has the same name as {other}; rename one of them"
            )
        if not 0 < len(load.name.encode()) <= _LONGEST_NAME:
            problems[load.name] = (
                f"load {load.name}: a table's name must have 1 to {_LONGEST_NAME} bytes; choose another name"
            )
    return problems


def _column_problems(names: list[str]) -> tuple[str, ...]:
    folded = [name.lower() for name in names]
    wrong: list[str] = []
    if not 0 < len(names) <= MOST_COLUMNS:
        wrong.append(f"it has {len(names)} columns, but a Redshift table must have 1 to {MOST_COLUMNS:,}")
    twice = sorted({name for name in folded if folded.count(name) > 1}) if len(set(folded)) < len(folded) else []
    if twice:
        wrong.append(f"columns {', '.join(twice)} occur more than once in lower case, as Redshift writes them")
    long = [name for name in names if not 0 < len(name.encode()) <= _LONGEST_NAME]
    return (*wrong, *(f"column {name!r}: a name must have 1 to {_LONGEST_NAME} bytes" for name in long))


def _size_problems(order: LoadOrder) -> tuple[str, ...]:
    longest = max(len(sql.encode()) for section in order.sections for sql in section.sqls)
    if longest <= MOST_BYTES:
        return ()
    return (
        f"one of its statements has {longest:,} bytes, but the Data API allows {MOST_BYTES:,}: too many columns need a cast",
    )
