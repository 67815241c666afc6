"""The tables of a source, known without AWS when Dagster loads its definitions.

They come from `include` if it names single tables, otherwise from `tables/<source>.json` beside lake.yaml, which `rds-lake
refresh` writes from the newest manifest and which ships with the code location.

What belongs here: that file, without asset definitions.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.source import SourceSettings
from rds_lake.errors import ConfigError, ManifestError
from rds_lake.files import write_whole
from rds_lake.model.records import read_record
from rds_lake.model.tables.table import TableTarget

# Dagster writes about 15 events per table and date, 21 with its own checks; with more tables, its event log is the bottleneck.
TABLE_ASSETS_LIMIT = 200
_VERSION = 1


def state_path(config: LakeConfig, source: SourceSettings) -> Path:
    """Returns the path of the source's table list."""
    return config.directory / "tables" / f"{source.name}.json"


def find_known_tables(config: LakeConfig, source: SourceSettings) -> tuple[TableTarget, ...] | None:
    """Returns the source's tables; None if neither `include` nor the file names them."""
    if source.included_tables is not None:
        return tuple(sorted(source.included_tables))
    path = state_path(config, source)
    if not path.exists():
        return None
    remedy = f"run `rds-lake refresh {source.name}` to write it again"
    try:
        tables = read_record(
            tuple[TableTarget, ...],
            path.read_bytes(),
            where=str(path),
            known=(_VERSION,),
            first=_VERSION,  # releases before 0.2 wrote none
            remedy=remedy,
            shaped=lambda body: body["tables"],
        )
    except ManifestError as error:
        raise ConfigError(str(error)) from error
    return tuple(sorted(tables))


def save_known_tables(config: LakeConfig, source: SourceSettings, tables: Sequence[TableTarget]) -> Path:
    """Writes the source's table list. The same tables give the same bytes, so that version control shows no change.

    Raises ConfigError if the file cannot be written; an existing file is then unchanged.
    """
    path = state_path(config, source)
    body = {"version": _VERSION, "source": source.name, "tables": [asdict(table) for table in sorted(tables)]}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(body, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise ConfigError(
            f"{path} could not be written ({error.strerror}) and was not changed; make it writable or free some space, then "
            f"run `rds-lake refresh {source.name}` again"
        ) from error
    return path
