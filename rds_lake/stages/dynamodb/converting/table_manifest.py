"""Makes the manifest's entry of a converted table, whose number of rows must be that of the export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rds_lake.convert.rules.converted import Converted, ConvertedColumn, ConvertedFile
from rds_lake.errors import RelocationError
from rds_lake.model.lake.manifest import DataFile, TableManifest
from rds_lake.model.lake.record import ExportPart
from rds_lake.model.tables.table import Column, dynamodb_table


def require_all_items(part: ExportPart, converted: Converted) -> None:
    """Raises RelocationError unless the export's items, the items read and the rows written are equal in number."""
    rows = sum(file.rows for file in converted.files)
    if not rows == converted.items == part.items:
        raise RelocationError(
            f"{part.table}: {converted.items:,} items were read and {rows:,} rows written, and the manifest of "
            f"{part.export_arn} says {part.items:,}; nothing was published. Materialize `parquet` again"
        )


def data_file(file: ConvertedFile, key: str, checksum: str | None = None) -> DataFile:
    """Returns the file at `key`. `checksum`: S3's own; None if Glue wrote the file."""
    return DataFile(key=key, bytes=file.bytes, rows=file.rows, checksum=checksum)


def table_manifest(part: ExportPart, converted: Converted, files: Iterable[DataFile], location: str) -> TableManifest:
    """Returns the converted table, with its files in the folder `location` (a URI)."""
    return TableManifest(
        target=dynamodb_table(part.table),
        location=location,
        columns=tuple(_column(column) for column in converted.columns),
        files=tuple(sorted(files, key=lambda file: file.key)),
        schema_notes=tuple(_notes(converted)),
    )


def _column(column: ConvertedColumn) -> Column:
    """DynamoDB's types as the original type, with the attribute's own name where the column has another."""
    types = "|".join(sorted(set(column.types) - {"NULL"})) or "NULL"
    return Column(
        name=column.name,
        hive_type=column.hive,
        original_type=types if column.original == column.name else f"{types} {column.original!r}",
    )


def _notes(converted: Converted) -> Iterator[str]:
    yield from (f"attribute {path} {why}: it is JSON text" for path, why in converted.text)
    yield from (f"attribute {path} is called {name}" for path, name in converted.renamed)
