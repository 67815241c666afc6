"""What a merge of 1 % changes costs, as a share of converting the whole table again. CPU seconds, paired.

    python -m bench.convert_merge [--scale 1.0] [--runs 3] [--data /tmp/rds-lake-ddb]

Half of the changes are updates, a quarter deletes, a quarter inserts, with keys all over the table.
"""

from __future__ import annotations

import gzip
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from bench.bars import bar, exit_by_bars
from bench.convert_sink import FolderSink
from bench.ddb_data import KEYS, SHAPES, generate
from rds_lake.convert.local.lines import InputFile
from rds_lake.convert.local.table import ConvertOptions, convert_table
from rds_lake.convert.merging.merge import merge_changes
from rds_lake.convert.merging.unchanged_rows import PreviousFile
from rds_lake.convert.rules.converted import Converted

_EVERY = 100
_LATER = "0~"  # makes a key nobody has


def changes(names: list[str], keys: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """A change for every hundredth item."""
    for name in names:
        with gzip.open(name) as lines:
            for number, line in enumerate(lines):
                if number % _EVERY:
                    continue
                item, kind = json.loads(line)["Item"], number // _EVERY % 4
                if kind == 3:
                    item[keys[0]] = {"S": _LATER + item[keys[0]]["S"]}
                change = {"Keys": {key: item[key] for key in keys}}
                change |= {"Metadata": {"WriteTimestampMicros": {"N": "1746609560577628"}}}
                change |= {} if kind == 2 else {"NewImage": item}
                yield change | ({} if kind == 3 else {"OldImage": item})


def seconds(work: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds of this process, and the result."""
    started = time.process_time()
    result = work()
    return time.process_time() - started, result


def measure(shape: str, names: list[str], folder: Path) -> tuple[float, float, int]:
    """CPU seconds of a conversion and of a merge, and the changes merged."""
    options = ConvertOptions(keys=KEYS[shape])
    inputs = [InputFile(name=name, open=partial(open, name, "rb")) for name in names]
    before = FolderSink(folder / "before")
    whole, found = seconds(lambda: convert_table(inputs, sink=before, options=options))
    assert isinstance(found, Converted)
    path = folder / "changes.json.gz"
    made = list(changes(names, KEYS[shape]))
    with gzip.open(path, "wt", compresslevel=6) as target:
        target.writelines(json.dumps(one) + "\n" for one in made)
    previous = [
        PreviousFile(
            name=one.name, open=partial(open, folder / "before" / f"{one.name}.parquet", "rb"), bytes=one.bytes
        )
        for one in found.files
    ]
    file = InputFile(name=path.name, open=partial(open, path, "rb"), items=len(made))
    sink = FolderSink(folder / "after")
    merge, result = seconds(lambda: merge_changes(previous, [[file]], known=found.schema, sink=sink, options=options))
    inserted = sum("NewImage" in one and one["Keys"][KEYS[shape][0]]["S"].startswith(_LATER) for one in made)
    assert result.converted.items == found.items + inserted - result.deleted, "items got lost"
    return whole, merge, len(made)


@click.command()
@click.option("--scale", default=1.0, show_default=True)
@click.option("--runs", default=3, show_default=True)
@click.option("--data", type=click.Path(path_type=Path), default=None, help="Keep the data here.")
def main(scale: float, runs: int, data: Path | None) -> None:
    """Convert, change, merge."""
    with tempfile.TemporaryDirectory(prefix="rds-lake-merge-") as scratch:
        made = generate(data or Path(scratch), scale=scale)
        for shape in SHAPES:
            shares: list[float] = []
            for run in range(runs):
                names = [one.path for one in made[shape]]
                whole, merge, count = measure(shape, names, Path(scratch, f"{shape}-{run}"))
                shares.append(merge / whole * 100)
                click.echo(f"{shape}: {count:,} changes {merge:.2f} CPU s, whole table {whole:.2f} CPU s")
            bar(f"convert-merge-1pct-{shape}-cpu-percent", statistics.median(shares), 15, at_most=True)
    exit_by_bars()


if __name__ == "__main__":
    main()
