"""The metadata that Dagster shows of the stages' results. For a table's asset: `table_metadata.py`.

Stages and gateways return values; every `rds_lake/...` and `dagster/...` key of an event's metadata is written and read here.

    accepted, catalogued, published, ...   a stage's value -> the metadata of its materialization
    status, about_date, incident           what an observation, a check or a failure says
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg

from rds_lake.config.lake import Prices
from rds_lake.model.athena_price import athena_usd
from rds_lake.model.aws.console import Console
from rds_lake.model.exports.task import ExportTask
from rds_lake.model.lake.cost import export_usd, relocation_requests, requests_usd
from rds_lake.model.lake.date_diff import CountedTable, DateDiff
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.record import ExportRecord
from rds_lake.model.words import counted
from rds_lake.stages.checks.verify import Verified
from rds_lake.stages.publish.move_views import Publication
from rds_lake.stages.runs.accepted import AcceptedExport
from rds_lake.stages.source.outcomes import Catalogued, Published
from rds_lake.stages.upkeep.prune import Pruned

if TYPE_CHECKING:
    from rds_lake.model.streams.drift import Drift
    from rds_lake.stages.report.values import LakeReport
    from rds_lake.stages.streams.collecting.collect import CollectedNow
    from rds_lake.stages.streams.live.turn import Turn

STATUS = "rds_lake/status"
HOW = "rds_lake/how"
LOST, LOST_OF = "rds_lake/columns_with_lost_values", "rds_lake/lost_values"
READERS_SEE = "rds_lake/readers_see"
ROWS, DATE, _TABLES, BYTES, _TASK = (
    "dagster/row_count",
    "rds_lake/snapshot_date",
    "rds_lake/tables",
    "rds_lake/bytes",
    "rds_lake/export_task",
)

_MOST_NEEDS = 100  # sentences of a report

# Of failures, which sensors read again.
ERROR, HEALS = "rds_lake/error", "rds_lake/heals"
WHAT, NEXT_STEP = "rds_lake/what", "rds_lake/next_step"


def begun(task: ExportTask | None) -> dict[str, Any]:
    """For a run that only starts an export: the export task, or that AWS has no place for it yet."""
    if task is None:
        return {STATUS: "waiting, as AWS allows no more at once; reconciliation starts it"}
    return {_TASK: task.identifier, STATUS: task.status.value}


def accepted(export: AcceptedExport) -> dict[str, Any]:
    """The origin of a date's export."""
    record = export.record
    return {
        **_provenance(record),
        "rds_lake/export_uri": f"s3://{record.bucket}/{record.folder}",
        "rds_lake/reused": export.reused,
        **_increments(record),
    }


def _provenance(record: ExportRecord) -> dict[str, Any]:
    return {
        "rds_lake/snapshot_arn": record.snapshot_arn,
        "rds_lake/snapshot_time": record.snapshot_time.isoformat(),
        _TASK: record.export_task,
    }


def _increments(record: ExportRecord) -> dict[str, dict[str, str]]:
    """For an incremental source: the exports of each table, and why some are exported in full."""
    merged = {
        part.table: f"{part.base.day} and {counted(part.items, 'change')} of {counted(len(part.steps), 'export')}"
        for part in record.parts
        if part.base is not None
    }
    full = {part.table: part.full_because for part in record.parts if part.full_because}
    shown = {"rds_lake/incremental": merged, "rds_lake/full_because": full}
    return {name: tables for name, tables in shown.items() if tables}


def export_cost(prices: Prices, *, snapshot_gb: float | None, seconds: float | None, of_tables: bool) -> dict[str, Any]:
    """The duration, size and price of the export, as far as AWS reports them; GB of 10^9 bytes, US dollars."""
    shown: dict[str, Any] = {}
    if snapshot_gb is not None:
        shown["rds_lake/snapshot_gb"] = snapshot_gb
        shown["rds_lake/export_usd_estimated"] = round(
            export_usd(prices, snapshot_gb=snapshot_gb, of_tables=of_tables), 4
        )
    if seconds is not None:
        shown["rds_lake/export_seconds"] = seconds
    return shown


def relocated(prices: Prices, manifest: Manifest) -> dict[str, Any]:
    """Origin and size of a date's Parquet; the requests for copying, and their price in US dollars."""
    requests = relocation_requests(manifest)
    return {
        ROWS: manifest.rows,
        **_provenance(manifest.export),
        _TABLES: len(manifest.tables),
        "rds_lake/files": manifest.files,
        BYTES: manifest.bytes,
        "rds_lake/s3_requests": requests.puts + requests.gets,
        "rds_lake/s3_usd_estimated": round(requests_usd(prices, requests), 6),
    }


def catalogued(outcome: Catalogued, *, casts_counted: bool) -> dict[str, Any]:
    """The changes in Glue, the rows that Athena read back and, if `casts_counted`, the values that views lose."""
    lost = {
        LOST: sum(len(table.lost) for table in outcome.quality),
        LOST_OF: {table.table: dict(table.lost) for table in outcome.quality if table.lost},
    }
    return {
        _TABLES: len(outcome.synced),
        "rds_lake/tables_created": sum(sync.table == "created" for sync in outcome.synced),
        "rds_lake/tables_updated": sum(sync.table == "updated" for sync in outcome.synced),
        "rds_lake/partitions_changed": sum(sync.partition != "unchanged" for sync in outcome.synced),
        ROWS: sum(table.rows_read for table in outcome.quality),
        **(lost if casts_counted else {}),
    }


def schema_changes(report: str) -> dict[str, Any]:
    """The date's changes of columns, as a Markdown table."""
    return {"rds_lake/schema_changes": dg.MetadataValue.md(report)}


def lost_values(catalogued: dg.AssetMaterialization | None) -> Mapping[str, Mapping[str, int]] | None:
    """Returns, from the output of `catalogued`, the columns of each table that lost values, with counts; None without a record."""
    said = catalogued.metadata.get(LOST_OF) if catalogued else None
    return said.value if isinstance(said, dg.JsonMetadataValue) and isinstance(said.value, dict) else None


def published(outcome: Published) -> dict[str, Any]:
    """The result of publishing a date, for all views of the source."""
    publication = outcome.publication
    return {
        READERS_SEE: readers_see(publication),
        "rds_lake/state": publication.state.value,
        "rds_lake/became_latest": publication.became_latest,
        "rds_lake/views": len(outcome.tables),
        **moved(publication),
    }


def readers_see(publication: Publication) -> str:
    """The date that the source's views read."""
    return publication.latest.isoformat() if publication.latest else "nothing yet"


def moved(publication: Publication) -> dict[str, Any]:
    """The views that moved and the views that were dropped."""
    return {"rds_lake/views_moved": len(publication.flipped), "rds_lake/views_dropped": list(publication.dropped)}


def pruned(result: Pruned) -> dict[str, Any]:
    """Counts and bytes of removed objects, and decisions left to a person."""
    removed, plan = result.removed, result.plan
    return {
        "rds_lake/dates_removed": [day.isoformat() for day in removed.dates],
        "rds_lake/partitions_removed": removed.partitions,
        "rds_lake/objects_removed": removed.objects,
        "rds_lake/bytes_removed": removed.bytes,
        "rds_lake/dates_kept": len(plan.retention.kept),
        "rds_lake/orphans_removed": len(plan.orphans),
        "rds_lake/orphan_bytes_removed": sum(orphan.bytes for orphan in plan.orphans),
        "rds_lake/changes_removed": [f"{item.what} {item.where}" for item in plan.changes.items],
        "rds_lake/left_to_a_person": [f"{orphan.key}: {orphan.why}" for orphan in plan.left],
    }


def reported(report: "LakeReport", uri: str, console: Console | None) -> dict[str, Any]:
    """The address of the page, and what a person has to do."""
    lines = [f"- {need.source}: {need.sentence}" for need in report.needs[:_MOST_NEEDS]]
    shown: dict[str, Any] = {"rds_lake/report": uri, "rds_lake/needs": len(report.needs)}
    if lines:
        shown["rds_lake/needs_a_person"] = dg.MetadataValue.md("\n".join(lines))
    if console is not None:
        shown["rds_lake/files_in_s3"] = dg.MetadataValue.url(console.folder(uri.rpartition("/")[0]))
    return shown


def verified(result: Verified) -> dict[str, Any]:
    """How the tables of a snapshot were compared with the database."""
    return {
        **about_date(result.snapshot_date),
        "rds_lake/tables_counted": result.exact,
        "rds_lake/tables_estimated": result.estimated,
    }


def changed_rows(diff: DateDiff, tables: Sequence[CountedTable]) -> dict[str, Any]:
    """For these tables together: how many rows differ from the date before. Changed rows only if a key is known."""
    known = [table for table in tables if table.changed is not None]
    return {
        **about_date(diff.snapshot_date),
        "rds_lake/compared_with": diff.before.isoformat(),
        "rds_lake/rows_added": sum(table.added for table in tables),
        "rds_lake/rows_removed": sum(table.removed for table in tables),
        **({"rds_lake/rows_changed": sum(table.changed or 0 for table in known)} if known else {}),
        "rds_lake/rows_same": sum(table.same for table in tables),
    }


def compared_date(diff: DateDiff) -> dict[str, Any]:
    """The comparison of a date with the date before: bytes read, approximate cost, and tables that were not compared."""
    shown = {
        **changed_rows(diff, diff.tables),
        _TABLES: len(diff.tables),
        "rds_lake/bytes_scanned": diff.bytes_scanned,
        "rds_lake/athena_usd_estimated": round(athena_usd(diff.bytes_scanned, len(diff.tables)), 6),
    }
    if diff.not_compared:
        lines = [f"- {view}: {why}" for view, why in [*diff.not_compared.items()][:100]]
        shown["rds_lake/not_compared"] = dg.MetadataValue.md("\n".join(lines))
    return shown


def changed(turn: "Turn") -> dict[str, Any]:
    """The result of a turn of changes: forwarded and compacted changes, and the state of the live views."""
    shown = turn.brought.shown
    cuts = {f"rds_lake/cut_of_{cut.home}": cut.cut for cut in shown.cuts} if shown else {}
    return {
        **(_collected(turn.collected) if turn.collected else {}),
        **(_audited(turn.drift) if turn.collected and turn.drift and not turn.drift.not_compared else {}),
        "rds_lake/changes_forwarded": sum(done.rows for done in turn.forwarded),
        "rds_lake/changes_compacted": turn.rows,
        "rds_lake/views_moved": turn.brought.moved,
        _TABLES: len(turn.brought.tables),
        **cuts,
        **(about_date(shown.snapshot_date) if shown else {}),
    }


def _collected(collected: "CollectedNow") -> dict[str, Any]:
    """For `capture: lambda`: changes that arrived since the last turn. Lines that are not changes are counted from the beginning."""
    return {
        "rds_lake/objects_collected": collected.objects,
        "rds_lake/changes_collected": collected.rows,
        "rds_lake/changes_repeated": collected.repeated,
        "rds_lake/lines_put_aside": collected.record.unread,
    }


def _audited(drift: "Drift") -> dict[str, Any]:
    """For `capture: lambda`: changes lost or rolled back, by the newest comparison of two snapshots."""
    return {
        "rds_lake/compared_to": drift.after.isoformat(),
        "rds_lake/rows_not_as_predicted": sum(table.rows for table in drift.tables),
        "rds_lake/changes_lost_at_least": sum(table.lost for table in drift.tables),
        "rds_lake/changes_rolled_back": sum(table.phantom for table in drift.tables),
    }


def problems(texts: Sequence[str]) -> dict[str, Any]:
    """The list of a check's problems, if there are any."""
    return {"problems": dg.MetadataValue.md("\n".join(f"- {text}" for text in texts[:100]))} if texts else {}


def status(text: str, *, day: date | None = None) -> dict[str, Any]:
    """A sentence, for an event without data."""
    return {STATUS: text} | (about_date(day) if day else {})


def about_date(day: date) -> dict[str, Any]:
    """The snapshot date of a check's result, as Dagster shows the newest result of an asset first."""
    return {DATE: day.isoformat()}


def incident(what: str, next_step: str) -> dict[str, Any]:
    """The metadata of the failed run by which a sensor reports an incident."""
    return {WHAT: what, NEXT_STEP: next_step}


def failure(error: BaseException, *, heals: bool) -> dict[str, Any]:
    """The metadata of a step's failure: the class of the error, and whether reconciliation retries the run."""
    return {ERROR: type(error).__name__, HEALS: heals}


def of_failure(event: dg.DagsterEvent, key: str) -> Any:
    """Returns the metadata value of a failed step for this key; None if it has none."""
    data = event.step_failure_data.user_failure_data
    value = data.metadata.get(key) if data else None
    return None if value is None else value.value
