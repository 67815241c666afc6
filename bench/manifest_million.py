"""The manifest of a million files, written and read: memory over the idle process and CPU seconds.

    python -m bench.manifest_million [--files 1000000] [--tables 50]

`build_manifest` of verified copies in the order they are made, the text as it goes to S3, and what a later stage makes of it.

What the files cost before: `list_million.py`.
"""

from __future__ import annotations

import gc
from base64 import b64encode
from collections.abc import Iterator
from typing import cast

import click

from bench.bars import bar, exit_by_bars
from bench.list_million import RECORD, peak, resident
from bench.relocate import cpu_seconds
from rds_lake.model.exports.info import ExportTableInfo, InfoColumn
from rds_lake.model.lake.data_files import DataFile
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest_json import parse_manifest, render_manifest
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.databases.exported_files import ExportedFiles
from rds_lake.stages.databases.inspect import ExportedTable
from rds_lake.stages.databases.relocation.copied import Copied, build_manifest

_PART = "part-{:07}-7b3de4ab-42c5-4d08-9f3c-3f9c2d71ab04-c000.gz.parquet"
_LAYOUT = LakeLayout(bucket="lake", prefix="lake")
_ID = InfoColumn(name="id", original_type="bigint", expected_type="int64")


def exported(number: int) -> ExportedTable:
    """A table of the export; its own files are no part of this."""
    target = TableTarget(database="shop", schema="public", table=f"table_{number:03}")
    info = ExportTableInfo(raw_target=str(target), target=target, status="COMPLETE", columns=(_ID,))
    folder = f"shop/public.table_{number:03}"
    return ExportedTable(target=target, folder=folder, info=info, files=ExportedFiles(folder))


def copies(tables: list[ExportedTable], files: int) -> Iterator[Copied]:
    """Verified copies in the order of a plan, each with a checksum of its own."""
    folders = [
        _LAYOUT.partition_folder(RECORD.source, table.folder, RECORD.snapshot_date, RECORD.export_task)
        for table in tables
    ]
    for at in range(files):
        number, which = divmod(at, len(tables))
        checksum = f"CRC64NVME:{b64encode((at * 2654435761).to_bytes(8)).decode()}"
        key = _LAYOUT.data_key(folders[which], 1, _PART.format(number))
        data = DataFile(key=key, bytes=1_000_000 + at, rows=10_000 + at, checksum=checksum)
        yield Copied(table=tables[which], data=data, columns=(("id", "bigint"),))


@click.command()
@click.option("--files", default=1_000_000, show_default=True)
@click.option("--tables", default=50, show_default=True)
def main(files: int, tables: int) -> None:
    """Build, write, read."""
    known = [exported(number) for number in range(tables)]
    gc.collect()
    before, cpu = max(peak(), resident()), cpu_seconds()
    manifest = build_manifest(known, copies(known, files), RECORD, _LAYOUT)
    held, written = resident() - before, render_manifest(manifest)
    writing, cpu = peak() - before, cpu_seconds() - cpu
    size = len(written) / 1e6
    del manifest
    gc.collect()
    text = written.decode()  # as `get_text` does
    del written
    again = cpu_seconds()
    read = parse_manifest(text, where="bench")
    click.echo(
        f"{files:,} files, {size:.0f} MB of text: held in {held:.0f} MB, {writing:.0f} MB at the peak of writing "
        f"({cpu:.1f} CPU s), {peak() - before:.0f} MB at the peak of reading ({cpu_seconds() - again:.1f} CPU s)"
    )
    assert (read.files, cast(DataFile, read.tables[-1].files[-1]).checksum) == (files, checksum_of(files))
    bar("manifest-million-mb", peak() - before, 500, at_most=True)
    exit_by_bars()


def checksum_of(files: int) -> str:
    """The last file's."""
    return f"CRC64NVME:{b64encode(((files - 1) * 2654435761).to_bytes(8)).decode()}"


if __name__ == "__main__":
    main()
