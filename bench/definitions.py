"""How long Dagster loads 1,000 tables, compared with a multi_asset of as many assets and nothing else.

    python -m bench.definitions

Seconds are of the processor. Both are loaded as a code location loads them, with all jobs, one behind the other, fifteen times:
the ratio is of the best of each, which a busy machine changes little. The goal is 1.5. The time with two checks at each table
(`table_checks: true`) is printed beside it.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg

from bench.bars import bar, exit_by_bars
from rds_lake.config.lake_yaml import LakeConfig, parse_config
from rds_lake.defs.build import build_definitions
from rds_lake.model.tables.table import TableTarget

_SOURCES, _TABLES = 5, 200
_LAKE = """
lake: {bucket: acme-lake, start_date: 2026-01-01, events_queue: events, workgroup: lake, kms_key: alias/lake,
       export_role: "arn:aws:iam::123456789012:role/export"}
sources:
"""


def lake(*, checks: bool | None = None) -> dg.Definitions:
    """Five sources of two hundred tables each; `checks`: what their `table_checks:` says."""
    names = [f"s{number}" for number in range(_SOURCES)]
    more = "" if checks is None else f", table_checks: {str(checks).lower()}"
    text = _LAKE + "".join(f"  - {{name: {name}, kind: rds, identifier: {name}{more}}}\n" for name in names)
    config: LakeConfig = parse_config(text, where="lake.yaml", directory=Path())
    tables = [TableTarget(database="shop", schema="public", table=f"t{number}") for number in range(_TABLES)]
    return build_definitions(config, known_tables=dict.fromkeys(names, tables))


def empty() -> dg.Definitions:
    """As many assets, one step, no checks, sensors or resources."""
    dates = dg.DailyPartitionsDefinition(start_date="2026-01-01", end_offset=1)

    @dg.multi_asset(
        specs=[dg.AssetSpec(["shop", f"t{n}"], partitions_def=dates) for n in range(_SOURCES * _TABLES)],
        can_subset=False,
    )
    def tables():  # type: ignore[no-untyped-def] - None would be one output
        ...

    return dg.Definitions(assets=[tables])


def seconds(make: Callable[[], dg.Definitions]) -> float:
    """Of one load; what earlier ones left behind is collected before."""
    gc.collect()
    begun = time.process_time()
    make().get_repository_def().load_all_definitions()
    return time.process_time() - begun


if __name__ == "__main__":
    times = [(seconds(lake), seconds(empty), seconds(lambda: lake(checks=True))) for _ in range(15)]
    ours, peer, checked = (min(column) for column in zip(*times, strict=True))
    print(f"the lake {ours:.3f} s, a multi_asset {peer:.3f} s; with checks at each table {checked:.3f} s")
    bar("definitions_of_1000_tables", ours / peer, 1.5, at_most=True)
    exit_by_bars()
