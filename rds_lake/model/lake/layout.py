"""The keys of all objects in the lake's bucket.

    s3://acme-lake/lake/shop/shop/public.orders/snapshot_date=2026-11-20/shop-prod-…-1/1-part-00000-….gz.parquet
                   └┬─┘ └┬─┘ └───────┬────────┘ └─────────┬───────────┘ └────┬──────┘ └ index, part file
                  prefix source  AWS's table folder    partition        export task

    lake/reviews/Reviews/snapshot_date=2026-11-20/<task>/attempt-3f9c2d71ab04/00001-0000.parquet
                                                   DynamoDB: every attempt to convert a table writes in a folder of its own

    lake/_manifests/shop/2026-11-20.export.json    the accepted export
    lake/_manifests/reviews/2026-11-20.begun.json  the exports of DynamoDB tables that the date consists of
    lake/_manifests/shop/2026-11-20.json           the manifest: relocation is finished
    lake/_manifests/shop/2026-11-20.diff.json      how many rows differ from the date before (`changes:`)
    lake/_manifests/shop/2026-11-20.<task>.begun   marker: relocation of this export has begun
    lake/_manifests/shop/_published.json           the published date
    lake/_manifests/shop/_diff_views.json          the dates that the views `<view>_diff` compare (`diff_views:`)
    lake/_manifests/shop/_described.json           the database's descriptions of its columns (`verify:`)
    lake/_manifests/shop/_in_use.json              the dates that runs are working on or removing
    lake/_manifests/reviews/2026-11-20.<task>.Users.table  marker: this DynamoDB table is converted, and by which attempt
    lake/_manifests/reviews/_schemas/Users.json    every type of its attributes that was seen
    lake/_jobs/3f9c2d71ab04/spark_job.py           the Spark job of one release
    lake/_jobs/reviews/<task>.1.Users.request      the request of a run, and `.result`: its answer
    lake/_jobs/reviews/<task>.runs                 the runs that convert tables of this export
    lake/_changes/shop/<epoch>/cut=000000000012.json   a cut of the source's changes, and `cut=000000000012/`: its files
    lake/_changes/shop/_forwarded/shop.json        which cuts of a database are final (MySQL: `rds_lake.json`)
    lake/_compacted/shop/_state.json               the progress of compaction of each table (`streams/compacted.py`)
    lake/_compacted/shop/_live.json                the cut that the live views show
    lake/_compacted/shop/_drift.json               differences of the newest snapshot that the changes do not explain
    lake/_changes/shop/_collected.json             which of the arrived changes are in cuts (`streams/collected.py`)
    lake/_compacted/shop/_in_use.json              whether changes are being compacted or removed
    lake/_changes/shop/_alarm.json                 since when an outbox is not emptied, and whether an alarm was sent
    lake/_changes/shop/arrived/2026/11/20/03/…     changes as Firehose wrote them (`capture: lambda`), by the hour of their arrival
    lake/_streams/3f9c2d71ab04.zip                 the package of the function of `capture: lambda`
    lake/_warehouses/nightly/lease.json            the run that has the warehouse `nightly`, and its AWS objects
    lake/_warehouses/nightly/runs/<run>.json       the state of one of its runs
    lake/_warehouses/nightly/staging/<run>/…       results that are not published yet
    lake/_snapshots/shop/                          rows of the table shop._snapshots
    lake/_reports/2026-11-20.html                  the report of a day
    lake/_athena/                                  query results

What belongs here: keys. Reading and writing objects does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import quote, unquote

_DOTS = {".", ".."}
# XML cannot contain them, and Glue accepts no location with them; U+2028 and U+2029 also end a line.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")


def plain_segment(name: str) -> str:
    """Returns the name as one segment of a key, without characters that S3's XML or Glue cannot hold.

    `.` and `..` become `_`, also in the form `%2e`; control characters are percent-encoded.
    """
    if not _DOTS.isdisjoint(unquote(name).split("/")):
        name = name.replace("%", "_")
        name = name.replace(".", "_") if name in _DOTS else name
    return _CONTROL.sub(lambda match: "".join(f"%{byte:02x}" for byte in match[0].encode()), name)


def plain_folder(export_folder: str) -> str:
    """Returns the lake's name for a table's folder in AWS's spelling.

    Two folders may get the same name, which `stages/databases/relocation/copy_plan.py` refuses.
    """
    return "/".join(map(plain_segment, export_folder.split("/")))


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeLayout:
    """The keys of one lake. Each method returns the key, or the key prefix, of what its docstring names. `prefix` may be empty."""

    bucket: str
    prefix: str

    def uri(self, key: str) -> str:
        """Returns `s3://bucket/key`."""
        return f"s3://{self.bucket}/{key}"

    def source_folder(self, source: str) -> str:
        """The folder of all relocated files of the source, with a trailing slash."""
        return self._key(source) + "/"

    def table_folder(self, source: str, export_folder: str) -> str:
        """The folder of all dates of a table, with a trailing slash. `export_folder`: AWS's spelling of the table."""
        return self._key(source, plain_folder(export_folder)) + "/"

    def partition_folder(self, source: str, export_folder: str, day: date, export_task: str) -> str:
        """The folder of the files of one table, date and export, with a trailing slash."""
        return f"{self.table_folder(source, export_folder)}snapshot_date={day.isoformat()}/{export_task}/"

    def attempt_folder(self, source: str, export_folder: str, day: date, export_task: str, attempt: str) -> str:
        """The folder that only one attempt to write these files uses, with a trailing slash."""
        return f"{self.partition_folder(source, export_folder, day, export_task)}{attempt}/"

    @staticmethod
    def data_key(folder: str, index: int, name: str) -> str:
        """The key of one Parquet file: AWS's index folder becomes part of the name."""
        return f"{folder}{index}-{name}"

    def manifest_folder(self, source: str) -> str:
        """The folder of the source's manifests, with a trailing slash."""
        return self._key("_manifests", source) + "/"

    def manifest_key(self, source: str, day: date) -> str:
        """The manifest of one date."""
        return f"{self.manifest_folder(source)}{day.isoformat()}.json"

    def export_record_key(self, source: str, day: date) -> str:
        """The accepted export of one date."""
        return f"{self.manifest_folder(source)}{day.isoformat()}.export.json"

    def diff_key(self, source: str, day: date) -> str:
        """The record of how many rows of the date differ from the date before."""
        return f"{self.manifest_folder(source)}{day.isoformat()}.diff.json"

    def begun_set_key(self, source: str, day: date) -> str:
        """The record of the exports begun for one date of a DynamoDB source."""
        return f"{self.manifest_folder(source)}{day.isoformat()}.begun.json"

    def finished_table_key(self, source: str, day: date, export_task: str, table: str) -> str:
        """The record that this table of the date is converted; other tables may not be."""
        return f"{self.manifest_folder(source)}{day.isoformat()}.{export_task}.{table}.table"

    def finished_tables_prefix(self, source: str, day: date) -> tuple[str, str]:
        """The beginning and the end of the keys of all such records of the date."""
        return f"{self.manifest_folder(source)}{day.isoformat()}.", ".table"

    def seen_schema_key(self, source: str, table: str) -> str:
        """The record of every type that a DynamoDB table's attributes have ever had."""
        return f"{self.manifest_folder(source)}_schemas/{table}.json"

    def relocation_marker_key(self, source: str, day: date, export_task: str) -> str:
        """The marker that copying of this export has begun."""
        return f"{self.manifest_folder(source)}{day.isoformat()}.{export_task}.begun"

    def job_file_key(self, digest: str, name: str) -> str:
        """A file of the Spark job, of the release with this digest."""
        return self._key("_jobs", digest, name)

    def function_key(self, digest: str) -> str:
        """The package of the function of `capture: lambda`, of the release with this digest."""
        return self._key("_streams", f"{digest}.zip")

    def job_folder(self, source: str) -> str:
        """The folder of the requests and results of the source's Spark job runs; with trailing slash."""
        return self._key("_jobs", source) + "/"

    def job_key(self, source: str, run: str, kind: str) -> str:
        """The object that a run of the Spark job reads or writes: `request` or `result`."""
        return f"{self.job_folder(source)}{run}.{kind}"

    def job_set_key(self, source: str, export_task: str) -> str:
        """The record of the runs that convert tables of this export."""
        return f"{self.job_folder(source)}{export_task}.runs"

    def job_set_of(self, request: str) -> tuple[str, str] | None:
        """Returns source and export of a request's URI; None if it is not in this lake."""
        folder = self.uri(self._key("_jobs") + "/")
        source, slash, name = request.removeprefix(folder).partition("/")
        export_task, dot, _ = name.partition(".")
        return (source, export_task) if request.startswith(folder) and slash and dot else None

    def published_key(self, source: str) -> str:
        """The pointer to the published date."""
        return f"{self.manifest_folder(source)}_published.json"

    def diff_views_key(self, source: str) -> str:
        """The record of the dates that the views `<view>_diff` compare."""
        return f"{self.manifest_folder(source)}_diff_views.json"

    def described_key(self, source: str) -> str:
        """The database's descriptions of its tables: comments, names of enums."""
        return f"{self.manifest_folder(source)}_described.json"

    def in_use_key(self, source: str) -> str:
        """The record of the dates that runs are working on or removing."""
        return f"{self.manifest_folder(source)}_in_use.json"

    def changes_folder(self, source: str, epoch: str) -> str:
        """The folder of all cuts of an epoch, with a trailing slash."""
        return self._key("_changes", source, plain_segment(epoch)) + "/"

    def cut_key(self, source: str, epoch: str, number: int) -> str:
        """The manifest of a cut; its files are below the same name without `.json`."""
        return f"{self.changes_folder(source, epoch)}cut={number:012}.json"

    def change_file_key(self, source: str, epoch: str, number: int, attempt: str, table: str, at: int) -> str:
        """A file of a table's events as one attempt wrote it. `table`: the table's folder (`shop/public.orders`)."""
        folder = self.cut_key(source, epoch, number).removesuffix(".json")
        return f"{folder}/{attempt}/{plain_folder(table)}/{at:05}.jsonl.gz"

    def all_changes_folder(self, source: str) -> str:
        """The folder of all epochs of the source and the records of final cuts, with a trailing slash."""
        return self._key("_changes", source) + "/"

    def forwarded_folder(self, source: str) -> str:
        """The folder of the records of final cuts, one per database with an outbox, with a trailing slash."""
        return f"{self.all_changes_folder(source)}_forwarded/"

    def forwarded_key(self, source: str, database: str) -> str:
        """The record of the final cuts of one database."""
        return f"{self.forwarded_folder(source)}{quote(plain_segment(database), safe='')}.json"

    def alarm_key(self, source: str) -> str:
        """The record of outboxes that are not emptied."""
        return f"{self.all_changes_folder(source)}_alarm.json"

    def warehouse_folder(self, warehouse: str) -> str:
        """The folder of everything about one warehouse, with a trailing slash."""
        return self._key("_warehouses", warehouse) + "/"

    def warehouse_lease_key(self, warehouse: str) -> str:
        """The lease of the warehouse."""
        return f"{self.warehouse_folder(warehouse)}lease.json"

    def warehouse_staging(self, warehouse: str, run: str) -> str:
        """The folder of a run's results before they are published, with a trailing slash."""
        return f"{self.warehouse_folder(warehouse)}staging/{plain_segment(run)}/"

    def all_compacted_folder(self, source: str) -> str:
        """The folder of all compacted changes of the source and their records, with a trailing slash."""
        return self._key("_compacted", source) + "/"

    def compacted_key(self, source: str, name: str) -> str:
        """A record about the source's compacted changes: `_state.json`, `_live.json`, `_drift.json`."""
        return self._key("_compacted", source, name)

    def compacted_table_folder(self, source: str, table: str, version: int) -> str:
        """The folder of all Parquet files of a table's changes, with a trailing slash. `table`: `shop/public.orders`."""
        return self._key("_compacted", source, plain_folder(table), f"v{version}") + "/"

    def compacted_folder(self, source: str, table: str, version: int, epoch: str, until: int, attempt: str) -> str:
        """The folder in which only one attempt writes a table's changes of the cuts up to `until`, with a trailing slash."""
        folder = self.compacted_table_folder(source, table, version)
        return f"{folder}{plain_segment(epoch)}/{until:012}-{attempt}/"

    def arrived_folder(self, source: str) -> str:
        """The folder to which Firehose writes changes of `capture: lambda`, with a trailing slash.

        This is the delivery stream's `Prefix`. As it has no expressions, Firehose adds the hour in which an object's
        oldest record arrived, `yyyy/MM/dd/HH/` in UTC. Late or repeated changes are in later hours.
        """
        return self._key("_changes", source, "arrived") + "/"

    def arrived_hour_folder(self, source: str, hour: datetime) -> str:
        """The folder of one hour of arrival, with a trailing slash. Raises ValueError if the hour is not in UTC."""
        if hour.utcoffset() != timedelta(0):
            raise ValueError(f"{hour} is not in UTC")
        return f"{self.arrived_folder(source)}{hour:%Y/%m/%d/%H}/"

    def refused_folder(self, source: str) -> str:
        """The folder for data that Firehose could not process, with a trailing slash; the beginning of `ErrorOutputPrefix`."""
        return self._key("_changes", source, "refused") + "/"

    def collected_key(self, source: str) -> str:
        """The record of which arrived changes were collected."""
        return f"{self.all_changes_folder(source)}_collected.json"

    def seen_key(self, source: str, number: int, attempt: str) -> str:
        """The digests of objects and ids that one attempt at a cut collected."""
        return f"{self.all_changes_folder(source)}_seen/{number:012}-{attempt}.parquet"

    def unread_key(self, source: str, number: int, attempt: str) -> str:
        """The lines of arrived objects that are not changes, as one attempt at a cut read them."""
        return f"{self.all_changes_folder(source)}_unread/{number:012}-{attempt}.jsonl"

    def snapshot_log_folder(self, source: str) -> str:
        """The folder of the rows of `<source>._snapshots`, with a trailing slash."""
        return self._key("_snapshots", source) + "/"

    def report_key(self, day: date) -> str:
        """The page with the lake's report of one day."""
        return self._key("_reports", f"{day.isoformat()}.html")

    def athena_results(self) -> str:
        """The URI under which Athena writes results."""
        return self.uri(self._key("_athena") + "/")

    def _key(self, *parts: str) -> str:
        return "/".join(part for part in (self.prefix.strip("/"), *parts) if part)
