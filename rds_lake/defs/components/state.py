"""The state of a lake's component: each source's tables, as stored by `dg utils refresh-defs-state`.

    {"version": 1, "tables": {"shop": [{"database": "shop", "schema": "public", "table": "orders"}, …]}}

In a project without `dg`, `rds-lake refresh` writes a file for each source instead (`stages/lake/known_tables.py`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.errors import ConfigError, ManifestError, RdsLakeError
from rds_lake.files import write_whole
from rds_lake.model.records import read_record
from rds_lake.model.tables.table import TableTarget

Tables = Mapping[str, Sequence[TableTarget]]  # of each source, by its name

_VERSION = 1
_REMEDY = "run `dg utils refresh-defs-state` to write it again"


def read_state(path: Path) -> dict[str, tuple[TableTarget, ...]]:
    """Returns the tables in the state. Raises ConfigError if it cannot be read."""
    try:
        return read_record(
            dict[str, tuple[TableTarget, ...]],
            path.read_bytes(),
            where=str(path),
            known=(_VERSION,),
            first=_VERSION,
            remedy=_REMEDY,
            shaped=lambda body: body["tables"],
        )
    except ManifestError as error:
        raise ConfigError(str(error)) from error


def refresh_state(
    path: Path, config: LakeConfig, newest: Callable[[SourceSettings], Sequence[TableTarget] | None]
) -> None:
    """Writes the tables of every source. `newest`: returns a source's tables, None if no date of it is in the lake.

    A source whose tables cannot be read keeps its earlier tables, if Dagster kept the earlier state. Raises ConfigError
    with such sources, after the state is written.
    """
    earlier = read_state(path) if path.exists() else {}
    tables: dict[str, Sequence[TableTarget]] = {}
    problems: list[str] = []
    for source in config.sources:
        try:
            known = newest(source)
        except RdsLakeError as error:
            problems.append(f"{source.name}: {error}")
            known = earlier.get(source.name)
        if known is not None:
            tables[source.name] = sorted(known)
    body = {"version": _VERSION, "tables": {name: [asdict(table) for table in known] for name, known in tables.items()}}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(body, indent=1, ensure_ascii=False) + "\n")
    if problems:
        raise ConfigError("the tables of these sources could not be read; refresh again:", problems)
