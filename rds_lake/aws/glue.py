"""Glue's Data Catalog: databases, tables, partitions.

What belongs here: calls with Glue's batch limits and errors per item (Glue answers a batch with 200 and lists the failed items), and
TableInput for Parquet. `stages/catalogue/sync.py` decides the content of the catalogue.
https://docs.aws.amazon.com/glue/latest/webapi/API_BatchCreatePartition.html
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from rds_lake.aws.glue_jobs import GlueJobs
from rds_lake.aws.translate import aws_errors, unless_code
from rds_lake.errors import AwsError, CatalogError, ConflictError, RefusedDeleteError, ThrottledError
from rds_lake.model.tables.glue import ColumnSpec, GluePartition, GlueTable, PartitionSpec, TableSpec
from rds_lake.threads import check

if TYPE_CHECKING:
    from types_boto3_glue import GlueClient


_CREATE_BATCH = 100
_UPDATE_BATCH = 100
_DELETE_BATCH = 25
_GET_BATCH = 1000
_FRUITLESS = 8  # consecutive answers without any of the requested partitions: half a minute
_LONGEST_PAUSE_SECONDS = 5.0
_GONE = "EntityNotFoundException"
_INPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat"
_OUTPUT_FORMAT = "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat"
_SERDE = "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"


class GlueGateway:
    """The account's catalogue. A gateway that is limited to a database deletes nothing in other databases."""

    def __init__(
        self,
        client: GlueClient,
        *,
        starting: Any = None,
        only: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`starting`: the client that starts runs of jobs, see `GlueJobs`."""
        self._starting, self._sleep = starting, sleep
        self._client = client
        self._only = only

    def limited(self, database: str) -> GlueGateway:
        """Returns the same gateway, which deletes nothing outside this database."""
        return GlueGateway(self._client, starting=self._starting, only=database, sleep=self._sleep)

    def _require_deletable(self, database: str, what: str) -> None:
        if self._only is not None and database != self._only:
            raise RefusedDeleteError(
                f"nothing was deleted: lake.yaml does not give the source {self._only} {what} of the database "
                f"{database!r}. A record in the lake names it: find out who wrote that record, then delete it and "
                "materialize the date again"
            )

    @property
    def region(self) -> str:
        """The Region of the calls."""
        return self._client.meta.region_name

    @property
    def jobs(self) -> GlueJobs:
        """The jobs of the same account and Region."""
        return GlueJobs(self._client, starting=self._starting)

    def ensure_database(self, name: str, *, description: str) -> None:
        """Create the database unless it exists."""
        try:
            with aws_errors("glue", "CreateDatabase", about=name):
                self._client.create_database(DatabaseInput={"Name": name, "Description": description})
        except ConflictError:
            return

    def list_tables(self, database: str, *, beginning: str = "") -> dict[str, GlueTable]:
        """Returns every table and view of the database by name, or only those whose names have the prefix."""
        expression: dict[str, Any] = {"Expression": f"{beginning}.*"} if beginning else {}
        with aws_errors("glue", "GetTables", about=database):
            pages = self._client.get_paginator("get_tables").paginate(DatabaseName=database, **expression)
            return {item["Name"]: _table(item) for page in pages for item in page["TableList"]}

    def find_tables(self, database: str) -> dict[str, GlueTable] | None:
        """Returns every table and view of the database by name; None if there is no such database."""
        with unless_code(_GONE):
            return self.list_tables(database)
        return None

    def find_table(self, database: str, name: str) -> GlueTable | None:
        """Returns the table, or None."""
        with unless_code(_GONE), aws_errors("glue", "GetTable", about=f"{database}.{name}"):
            return _table(self._client.get_table(DatabaseName=database, Name=name)["Table"])
        return None

    def create_table(self, database: str, spec: TableSpec) -> None:
        """Create the table; ConflictError when it exists."""
        with aws_errors("glue", "CreateTable", about=f"{database}.{spec.name}"):
            self._client.create_table(DatabaseName=database, TableInput=table_input(spec))

    def update_table(self, database: str, spec: TableSpec, *, existing: GlueTable) -> None:
        """Update the table, and keep parameters that others set. ConflictError if it changed since it was read.

        SkipArchive: Glue keeps at most 100,000 versions of a table (https://docs.aws.amazon.com/general/latest/gr/glue.html).
        """
        body = table_input(spec)
        body["Parameters"] = existing.parameters | body["Parameters"]
        version: dict[str, Any] = {"VersionId": existing.version_id} if existing.version_id else {}
        with aws_errors("glue", "UpdateTable", about=f"{database}.{spec.name}"):
            self._client.update_table(DatabaseName=database, TableInput=body, SkipArchive=True, **version)

    def delete_view(self, database: str, name: str) -> None:
        """Delete a view. If the name belongs to a table, or to nothing, this does nothing."""
        self._require_deletable(database, f"the view {name!r}")
        table = self.find_table(database, name)
        if table is None or not table.is_view:
            return
        # Another run may have deleted it meanwhile.
        with unless_code(_GONE), aws_errors("glue", "DeleteTable", about=f"{database}.{name}"):
            self._client.delete_table(DatabaseName=database, Name=name)

    def get_partitions(
        self, database: str, table: str, values: Sequence[tuple[str, ...]]
    ) -> dict[tuple[str, ...], GluePartition]:
        """Returns the requested partitions that exist, by their values.

        ThrottledError if Glue repeatedly leaves partitions unprocessed.
        """
        partitions: dict[tuple[str, ...], GluePartition] = {}
        for start in range(0, len(values), _GET_BATCH):
            wanted: list[Any] = [{"Values": list(value)} for value in values[start : start + _GET_BATCH]]
            fruitless = 0
            while wanted:
                with aws_errors("glue", "BatchGetPartition", about=f"{database}.{table}"):
                    answer = self._client.batch_get_partition(
                        DatabaseName=database, TableName=table, PartitionsToGet=wanted
                    )
                for item in answer.get("Partitions", []):
                    partition = _partition(item)
                    partitions[partition.values] = partition
                left = list(answer.get("UnprocessedKeys", []))
                fruitless = fruitless + 1 if len(left) >= len(wanted) else 0
                wanted = left
                self._before_the_rest(database, table, left, fruitless)
        return partitions

    def _before_the_rest(self, database: str, table: str, left: Sequence[Any], fruitless: int) -> None:
        """Wait before the next request for unprocessed partitions; longer after each answer without a partition. ThrottledError
        after too many of them.
        """
        if fruitless >= _FRUITLESS:
            raise ThrottledError(
                f"glue BatchGetPartition ({database}.{table}) left {len(left)} partitions unprocessed {fruitless} times in a "
                "row; it can be repeated"
            )
        if left:
            self._sleep(min(_LONGEST_PAUSE_SECONDS, 0.1 * 2**fruitless))
            check()

    def find_partitions(self, database: str, table: str, expression: str = "") -> Iterator[GluePartition]:
        """Returns the partitions that match Glue's filter expression, page by page; all partitions without an expression."""
        wanted: dict[str, Any] = {"Expression": expression} if expression else {}
        paginator = self._client.get_paginator("get_partitions")
        with aws_errors("glue", "GetPartitions", about=f"{database}.{table}"):
            for page in paginator.paginate(DatabaseName=database, TableName=table, **wanted):
                yield from map(_partition, page["Partitions"])

    def create_partitions(self, database: str, table: str, specs: Sequence[PartitionSpec]) -> None:
        """Create partitions, 100 per call. CatalogError lists every partition that Glue refused."""
        errors: list[Any] = []
        for start in range(0, len(specs), _CREATE_BATCH):
            batch = [_partition_input(spec) for spec in specs[start : start + _CREATE_BATCH]]
            with aws_errors("glue", "BatchCreatePartition", about=f"{database}.{table}"):
                answer = self._client.batch_create_partition(
                    DatabaseName=database, TableName=table, PartitionInputList=batch
                )
            errors += [(item.get("PartitionValues"), item.get("ErrorDetail", {})) for item in answer.get("Errors", [])]
        _raise_items(f"partitions of {database}.{table} were not created:", errors)

    def update_partitions(self, database: str, table: str, specs: Sequence[PartitionSpec]) -> None:
        """Update partitions, 100 per call. CatalogError lists every partition that Glue refused."""
        errors: list[Any] = []
        for start in range(0, len(specs), _UPDATE_BATCH):
            entries: list[Any] = [
                {"PartitionValueList": list(spec.values), "PartitionInput": _partition_input(spec)}
                for spec in specs[start : start + _UPDATE_BATCH]
            ]
            with aws_errors("glue", "BatchUpdatePartition", about=f"{database}.{table}"):
                answer = self._client.batch_update_partition(DatabaseName=database, TableName=table, Entries=entries)
            refused = answer.get("Errors", [])
            errors += [(item.get("PartitionValueList"), item.get("ErrorDetail", {})) for item in refused]
        _raise_items(f"partitions of {database}.{table} were not updated:", errors)

    def delete_partitions(self, database: str, table: str, values: Sequence[tuple[str, ...]]) -> int:
        """Delete partitions, 25 per call; returns how many existed. A missing partition or table is not an error."""
        self._require_deletable(database, f"partitions of {table!r}")
        errors: list[Any] = []
        gone = 0
        for start in range(0, len(values), _DELETE_BATCH):
            batch: list[Any] = [{"Values": list(value)} for value in values[start : start + _DELETE_BATCH]]
            try:
                with aws_errors("glue", "BatchDeletePartition", about=f"{database}.{table}"):
                    answer = self._client.batch_delete_partition(
                        DatabaseName=database, TableName=table, PartitionsToDelete=batch
                    )
            except AwsError as error:
                if error.code != _GONE:
                    raise
                return 0
            refused = [(item.get("PartitionValues"), item.get("ErrorDetail", {})) for item in answer.get("Errors", [])]
            gone += sum(detail.get("ErrorCode") == _GONE for _, detail in refused)
            errors += [item for item in refused if item[1].get("ErrorCode") != _GONE]
        _raise_items(f"partitions of {database}.{table} were not deleted:", errors)
        return len(values) - gone


def table_input(spec: TableSpec) -> Any:
    """Returns Glue's TableInput of an external Parquet table, as Athena reads it.

    https://docs.aws.amazon.com/glue/latest/webapi/API_TableInput.html
    """
    return {
        "Name": spec.name,
        "Description": spec.description[:2048],
        **({"Owner": spec.owner[:255]} if spec.owner else {}),
        "TableType": "EXTERNAL_TABLE",
        "Parameters": {"classification": "parquet", "EXTERNAL": "TRUE"} | spec.parameters,
        "PartitionKeys": [{"Name": name, "Type": kind} for name, kind in spec.partition_keys],
        "StorageDescriptor": _storage(spec.columns, spec.location),
    }


def _storage(columns: Iterable[ColumnSpec], location: str) -> Any:
    return {
        "Columns": [{"Name": name, "Type": kind, "Comment": comment} for name, kind, comment in columns],
        "Location": location,
        "InputFormat": _INPUT_FORMAT,
        "OutputFormat": _OUTPUT_FORMAT,
        "SerdeInfo": {"SerializationLibrary": _SERDE, "Parameters": {"serialization.format": "1"}},
    }


def _partition_input(spec: PartitionSpec) -> Any:
    return {
        "Values": list(spec.values),
        "StorageDescriptor": _storage(spec.columns, spec.location),
        "Parameters": spec.parameters,
    }


def _columns(items: Iterable[Any]) -> tuple[ColumnSpec, ...]:
    return tuple((item["Name"], item.get("Type", ""), item.get("Comment", "")) for item in items)


def _table(item: Any) -> GlueTable:
    storage = item.get("StorageDescriptor", {})
    return GlueTable(
        name=item["Name"],
        is_view=item.get("TableType") == "VIRTUAL_VIEW",
        columns=_columns(storage.get("Columns", [])),
        partition_keys=tuple((key["Name"], key.get("Type", "")) for key in item.get("PartitionKeys", [])),
        location=storage.get("Location", ""),
        parameters=dict(item.get("Parameters", {})),
        version_id=item.get("VersionId"),
        view_text=item.get("ViewOriginalText", ""),
    )


def _partition(item: Any) -> GluePartition:
    storage = item.get("StorageDescriptor", {})
    return GluePartition(
        values=tuple(item["Values"]),
        location=storage.get("Location", ""),
        columns=_columns(storage.get("Columns", [])),
        created=item.get("CreationTime"),
        parameters=dict(item.get("Parameters") or {}),
    )


def _raise_items(headline: str, errors: Sequence[tuple[Any, Any]]) -> None:
    if errors:
        raise CatalogError(
            headline,
            [
                f"{'/'.join(values or ['?'])}: {detail.get('ErrorCode')} {detail.get('ErrorMessage', '')}"
                for values, detail in errors
            ],
        )
