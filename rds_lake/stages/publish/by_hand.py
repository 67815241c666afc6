"""Publishing by a person: approve a held date, or roll back to an older one.

What belongs here: whether it is allowed, and the message if not. Moving the views is `publisher.py`.
"""

from __future__ import annotations

from datetime import date

from rds_lake.errors import PublishError
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.publication import Pointer, waiting
from rds_lake.model.words import counted
from rds_lake.stages.catalogue.dated import DatedTables, tables_of
from rds_lake.stages.checks.quality import check_tables
from rds_lake.stages.lake import handover
from rds_lake.stages.lake.in_use import InUse
from rds_lake.stages.lake.intact import missing_files
from rds_lake.stages.lake.pointer import find_pointer
from rds_lake.stages.lake.snapshot_log import is_recorded, recorded_dates
from rds_lake.stages.publish import cleanup
from rds_lake.stages.publish.move_views import Publication
from rds_lake.stages.publish.publisher import Publisher


def approve(publisher: Publisher, day: date | None, *, accept_drop: bool = False) -> Publication:
    """Publishes the date, or the newest held date. `accept_drop`: even if it lost more rows than `max_drop` allows.

    A date older than the published one is only marked as checked, so that a rollback to it is possible; no view moves.
    Repeated after a crash, it does what remains, even if that is only to delete AWS's copy. Raises PublishError, ManifestError
    or CatalogError before any view is moved.
    """
    lake, name = publisher.lake, publisher.source.name
    pointer = find_pointer(lake.s3, lake.layout, name)
    day = day or _newest_waiting(publisher, pointer)
    older = pointer is not None and day < pointer.snapshot_date
    if pointer is not None and older and not accept_drop:
        raise PublishError(
            f"{name} is published at {pointer.snapshot_date}, which is newer than {day}; "
            f"to go back: rds-lake rollback {name} {day}"
        )
    manifest = _known(publisher, day)
    task = manifest.export.export_task
    with _in_use(publisher).work(day, task, log=publisher.log):
        publication, tables = _approve(publisher, manifest, accept_drop=accept_drop, older=older)
        _clean_up(publisher, tables, alone=_in_use(publisher).is_alone(day, task))
        return publication


def _approve(
    publisher: Publisher, manifest: Manifest, *, accept_drop: bool, older: bool
) -> tuple[Publication, DatedTables]:
    lake, name, day = publisher.lake, publisher.source.name, manifest.snapshot_date
    if not accept_drop and not is_recorded(lake, manifest):
        raise PublishError(
            f"{name} {day} has not passed its checks; no view was moved. Look at its run in Dagster. If only "
            f"`rows_against_previous` failed, and the rows are right: rds-lake publish {name} {day} --accept-drop"
        )
    tables = _tables(publisher, manifest)
    _require_rows(publisher, tables)
    return publisher.arrive(tables) if older else publisher.show(tables), tables


def roll_back(publisher: Publisher, day: date) -> Publication:
    """Moves every view back to an older date. Runs do not publish the dates in between again; a still newer date is published.

    Raises PublishError, ManifestError or CatalogError before any view is moved.
    """
    lake, name = publisher.lake, publisher.source.name
    pointer = find_pointer(lake.s3, lake.layout, name)
    if pointer is None:
        raise PublishError(f"nothing of {name} is published, so it cannot be rolled back")
    if day == pointer.snapshot_date:
        raise PublishError(f"{name} is published at {day} already; nothing was changed")
    if day > pointer.snapshot_date:
        raise PublishError(
            f"{name} is published at {pointer.snapshot_date}, which is older than {day}; "
            f"to go forward: rds-lake publish {name} {day}"
        )
    manifest = _known(publisher, day)
    if not is_recorded(lake, manifest):
        raise PublishError(
            f"{name} {day} is in the lake, but never passed its checks; no view was moved. If only `rows_against_previous` "
            f"failed, and the rows are right: rds-lake publish {name} {day} --accept-drop, then repeat this. {_choice(publisher)}"
        )
    tables = _tables(publisher, manifest)
    _require_rows(publisher, tables)
    return publisher.show_instead(tables, pointer.snapshot_date)


def _newest_waiting(publisher: Publisher, pointer: Pointer | None) -> date:
    lake, name = publisher.lake, publisher.source.name
    held = waiting(pointer, recorded_dates(lake.s3, lake.layout, name), manual=True)
    if not held:
        shown = f"published is {pointer.snapshot_date}" if pointer else "nothing is published yet"
        left = _finish_published(publisher, pointer.snapshot_date) if pointer else ""
        raise PublishError(f"no date of {name} is waiting to be published; {shown}{left}")
    return held[-1]


def _finish_published(publisher: Publisher, day: date) -> str:
    """Cleans up after a published date, if that was not done before. Returns why it was not possible, or an empty text.

    No statement has just read the date: its files may have been deleted since, and AWS's copy is needed to restore them.
    """
    tables = tables_of(publisher.lake, publisher.source, day)
    gone = missing_files(publisher.lake.s3, tables.manifest)
    if gone:
        what = counted(len(gone), "file", "of it is missing", "of it are missing")
        return f", and {what} from the lake ({gone[0]}); materialize `parquet` of {day}"
    _clean_up(publisher, tables)
    return ""


def _clean_up(publisher: Publisher, tables: DatedTables, *, alone: bool = True) -> None:
    keep_export = publisher.source.keep_export
    cleanup.finish(publisher.lake, tables, keep_export=keep_export, log=publisher.log, alone=alone)


def _tables(publisher: Publisher, manifest: Manifest) -> DatedTables:
    """Returns the current tables of the date. Raises PublishError if another export replaced the manifest meanwhile."""
    name, day = publisher.source.name, manifest.snapshot_date
    tables = tables_of(publisher.lake, publisher.source, day)
    if tables.manifest.export.export_task != manifest.export.export_task:
        raise PublishError(f"{name} {day} was exported again in the meantime; no view was moved. Repeat the command")
    return tables


def _in_use(publisher: Publisher) -> InUse:
    return InUse.of(publisher.lake, publisher.source.name)


def _known(publisher: Publisher, day: date) -> Manifest:
    lake, source = publisher.lake, publisher.source
    manifest = handover.find_manifest(lake.s3, lake.layout, source.name, day)
    if manifest is None:
        why = "never exported, or removed by `retention:`" if source.retention else "never exported"
        raise PublishError(f"{source.name} {day} is not in the lake: {why}; no view was moved. {_choice(publisher)}")
    return manifest


def _choice(publisher: Publisher) -> str:
    dates = sorted(recorded_dates(publisher.lake.s3, publisher.lake.layout, publisher.source.name), reverse=True)
    more = f" and {len(dates) - 10} older ones" if len(dates) > 10 else ""
    return f"Checked dates: {', '.join(map(str, dates[:10])) or 'none yet'}{more}"


def _require_rows(publisher: Publisher, tables: DatedTables) -> None:
    """Raises PublishError if Athena reads another number of rows than were relocated, as files may have been deleted."""
    day, name = tables.snapshot_date, publisher.source.name
    read = check_tables(
        publisher.lake.athena, database=name, snapshot_date=day, tables=tables.typed, log=publisher.log, casts=False
    )
    problems = [
        f"{table.table}: Athena reads {counted(table.rows_read, 'row')}, the footers hold {table.rows_expected}"
        for table in read
        if not table.rows_match
    ]
    if problems:
        raise PublishError(
            f"{name} {day} cannot be read as it was relocated; no view was moved. Materialize `catalog` of {day}, or "
            "`parquet` if objects are missing:",
            problems,
        )
