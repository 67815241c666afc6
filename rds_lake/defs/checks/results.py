"""Asset checks: their specs, and results made from the stages' findings.

A check blocks if readers would see wrong data; the others warn. Every check has its asset's dates, and every result contains
its date, as Dagster shows the newest result of an asset first. If a blocking check fails, `incomplete`, `unreadable` and
`dropped` return the error of the step: what happened, to which tables, and what to do.

What belongs here: turning findings into check results. What does not: finding them (`model/`, `stages/`).
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.defs import metadata
from rds_lake.defs.checks.schema_report import SCHEMA_CHANGES
from rds_lake.defs.keys import Stage, stage_key
from rds_lake.defs.translate import check_spec
from rds_lake.errors import ProblemsError
from rds_lake.model.exports.completeness import Finding
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.words import counted
from rds_lake.stages.catalogue.limits import LeftOut
from rds_lake.stages.catalogue.naming import unused_settings
from rds_lake.stages.checks.previous import RowComparison
from rds_lake.stages.checks.quality import TableQuality

EXPORT_COMPLETE = "export_complete"
EXPORT_WARNINGS = "export_without_warnings"
SCHEMA_AGREES = "schema_as_announced"
KNOWN_TABLES = "tables_as_known"
ROWS_READABLE = "rows_readable"
ROWS_COMPARED = "rows_against_previous"
VALUES_TYPED = "values_keep_their_type"
WITHIN_LIMITS = "views_within_limits"
_CASTS = "No value is lost when the view casts PostgreSQL's text to its type."
_SHOWN = 3  # maximum of tables with changed rows that a check names


def specs(config: LakeConfig, source: SourceSettings, stage: Stage) -> list[dg.AssetCheckSpec]:
    """Returns the checks of a stage's asset."""
    key = stage_key(source, stage)
    compared = (ROWS_COMPARED, True, "No table lost more rows since the date before than `max_drop` allows.")
    table: dict[Stage, list[tuple[str, bool, str]]] = {
        Stage.EXPORT: [
            (
                EXPORT_COMPLETE,
                True,
                "An export that AWS calls COMPLETE has no skipped table, missing file or failed extraction.",
            ),
            (EXPORT_WARNINGS, False, "AWS reports nothing unusual about the export."),
        ],
        Stage.PARQUET: [
            (SCHEMA_AGREES, False, "Parquet footers match the schema that AWS announced; the footer is used."),
            (KNOWN_TABLES, False, "The export has exactly the tables that this code location knows."),
            *([] if source.athena else [compared]),
        ],
        Stage.CATALOG: [
            (ROWS_READABLE, True, "Athena reads as many rows as the Parquet footers hold."),
            compared,
            (SCHEMA_CHANGES, False, "No column's type changed; added, removed and moved columns are reported."),
            *([(VALUES_TYPED, False, _CASTS)] if source.counts_casts else []),
            (
                WITHIN_LIMITS,
                False,
                "Glue and Athena can hold every table; one that is too wide, or whose column names they refuse, has no view.",
            ),
        ],
        Stage.VIEWS: [],
    }
    return [
        check_spec(config, name, asset=key, blocking=blocking, description=description)
        for name, blocking, description in table[stage]
    ]


def result(
    source: SourceSettings,
    stage: Stage,
    name: str,
    problems: Sequence[str],
    *,
    day: date,
    holds: str,
    blocking: bool = False,
) -> dg.AssetCheckResult:
    """Returns a check result of a stage's asset, as `result_of` does."""
    return result_of(stage_key(source, stage), name, problems, day=day, holds=holds, blocking=blocking)


def result_of(
    asset: dg.AssetKey, name: str, problems: Sequence[str], *, day: date, holds: str, blocking: bool = False
) -> dg.AssetCheckResult:
    """Returns a check result that passes, with the sentence `holds`, if there are no problems; otherwise it lists them."""
    return dg.AssetCheckResult(
        asset_key=asset,
        check_name=name,
        passed=not problems,
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
        description=f"{day}: {sentence(problems) or holds}",
        metadata=metadata.about_date(day) | metadata.problems(problems),
    )


def sentence(problems: Sequence[str]) -> str:
    """Returns the first problem, and the number of further ones."""
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return f"{problems[0]}{more}" if problems else ""


def completeness(source: SourceSettings, findings: Sequence[Finding], *, day: date) -> list[dg.AssetCheckResult]:
    """Returns the two checks of an export: what makes it unusable, and warnings."""
    errors = [finding.problem for finding in findings if finding.severity == "error"]
    warnings = [finding.problem for finding in findings if finding.severity == "warning"]
    return [
        result(
            source,
            Stage.EXPORT,
            EXPORT_COMPLETE,
            errors,
            day=day,
            holds="the export has every table and file that AWS announced",
            blocking=True,
        ),
        result(source, Stage.EXPORT, EXPORT_WARNINGS, warnings, day=day, holds="AWS reports nothing unusual"),
    ]


def incomplete(export_task: str, findings: Sequence[Finding]) -> list[str]:
    """Returns why the step of an incomplete export fails; empty if it is complete."""
    errors = [finding.problem for finding in findings if finding.severity == "error"]
    return _stop(
        f"export {export_task} has the status COMPLETE, but lacks tables or files; nothing of it was copied, no view was moved",
        errors,
    )


def unreadable(tables: Sequence[TableQuality]) -> list[str]:
    """Returns the error of the step if Athena does not read the date completely; empty if it does."""
    return _stop(
        "Athena does not read every row; no view was moved. Materialize `parquet` of the date: it says which files are gone",
        _unread(tables),
    )


def rows_compared(source: SourceSettings, compared: RowComparison) -> dg.AssetCheckResult:
    """Returns the check of tables that lost too many rows: an error if it blocks publishing, otherwise a warning."""
    stage = Stage.CATALOG if source.athena else Stage.PARQUET
    problems, blocking = [str(drop) for drop in compared.drops], bool(compared.blocking)
    return result(
        source,
        stage,
        ROWS_COMPARED,
        problems,
        day=compared.snapshot_date,
        holds=_compared(compared),
        blocking=blocking,
    )


def _compared(compared: RowComparison) -> str:
    """Returns the tables that changed most, in numbers: `orders 61,500 rows, 60,000 on 2026-11-27`."""
    if compared.previous is None:
        total = sum(change.now for change in compared.rows)
        return f"the first date, {counted(total, 'row')} in {counted(len(compared.rows), 'table')}: nothing to compare with"
    changed = [change for change in compared.rows if change.now != change.before]
    shown = [
        f"{change.view} {counted(change.now, 'row')}, "
        + ("new" if change.before is None else f"{change.before:,} on {compared.previous}")
        for change in changed[:_SHOWN]
    ]
    rest, same = len(changed) - len(shown), len(compared.rows) - len(changed)
    shown += [f"{rest} more changed"] if rest else []
    shown += [f"{counted(same, 'table')} with as many rows as on {compared.previous}"] if same else []
    return "; ".join(shown)


def dropped(source: SourceSettings, compared: RowComparison) -> list[str]:
    """Returns why the step fails for tables that lost too many rows, and the two ways to continue; empty if none did."""
    day = compared.snapshot_date
    views = ", ".join(f"{drop.view}: 1" for drop in compared.blocking[:3])
    once = f"rds-lake publish {source.name} {day} --accept-drop, or permanently " if source.athena else ""
    return _stop(
        f"tables of {source.name} lost more rows since {compared.previous} than `max_drop` allows; no view was moved. If "
        f"the rows are right: {once}`max_drop: {{{views}}}`",
        [str(drop) for drop in compared.blocking],
    )


def _stop(headline: str, problems: Sequence[str]) -> list[str]:
    return [str(ProblemsError(headline + ":", problems))] if problems else []


def relocation(
    source: SourceSettings, manifest: Manifest, *, unknown: Sequence[str], gone: Sequence[str]
) -> list[dg.AssetCheckResult]:
    """Returns the checks of schema notes, and of tables added or removed since the last `rds-lake refresh`."""
    day = manifest.snapshot_date
    notes = [f"{table.target}: {note}" for table in manifest.tables for note in table.schema_notes]
    changes = [
        f"{table} is new: it is published, but has no asset; run `rds-lake refresh {source.name}`" for table in unknown
    ] + [
        f"{table} is gone from the export: its view is dropped; run `rds-lake refresh {source.name}`" for table in gone
    ]
    return [
        result(
            source,
            Stage.PARQUET,
            SCHEMA_AGREES,
            notes,
            day=day,
            holds=f"the files of {counted(len(manifest.tables), 'table')} have the columns that AWS announced",
        ),
        result(
            source,
            Stage.PARQUET,
            KNOWN_TABLES,
            changes + unused_settings(manifest, source),
            day=day,
            holds=f"the export has the {counted(len(manifest.tables), 'table')} that this code location knows",
        ),
    ]


def quality(source: SourceSettings, tables: Sequence[TableQuality], *, day: date) -> list[dg.AssetCheckResult]:
    """The checks of Athena's rows against the footers and, where they are counted, of values lost in casts, over all of them."""
    lost = [lost_values(table.table, column, many) for table in tables for column, many in table.lost]
    rows, many = sum(table.rows_read for table in tables), counted(len(tables), "table")
    read = f"Athena reads all {counted(rows, 'row')} of {many}"
    kept = f"every value of {many} keeps its type in the views"
    readable = result(source, Stage.CATALOG, ROWS_READABLE, _unread(tables), day=day, holds=read, blocking=True)
    if not source.counts_casts:
        return [readable]
    return [readable, result(source, Stage.CATALOG, VALUES_TYPED, lost, day=day, holds=kept)]


def lost_values(table: str, column: str, many: int) -> str:
    """Returns the sentence for a column that loses values in the view: how many, and how to keep them."""
    return (
        f"{table}.{column}: {counted(many, 'value', 'becomes', 'become')} NULL or "
        f"{'is' if many == 1 else 'are'} rounded in the view; set `types: {{{table}.{column}: varchar}}` to keep their text"
    )


def within_limits(source: SourceSettings, left_out: Sequence[LeftOut], *, day: date) -> dg.AssetCheckResult:
    """Returns an error that does not block: readers miss these tables, but no others."""
    holds, problems = "every table is within the limits of Glue and Athena", [str(table) for table in left_out]
    checked = result(source, Stage.CATALOG, WITHIN_LIMITS, problems, day=day, holds=holds)
    return checked._replace(severity=dg.AssetCheckSeverity.ERROR)


def _unread(tables: Sequence[TableQuality]) -> list[str]:
    return [
        f"{table.table}: Athena reads {counted(table.rows_read, 'row')}, the footers hold {table.rows_expected}"
        for table in tables
        if not table.rows_match
    ]
