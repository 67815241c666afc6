"""The `.sql` files of a warehouse's `steps:` folder, beside lake.yaml."""

from __future__ import annotations

import re
from collections.abc import Mapping

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.errors import ConfigError

_ENDING = ".sql"
# A step is an asset of Dagster, and one of its tables may have the same name.
_NAME = re.compile(r"^[a-z0-9_]{1,127}$")


def read_step_files(config: LakeConfig, settings: WarehouseSettings) -> Mapping[str, str]:
    """Returns the text of each file by name without `.sql`; empty without `steps:`. Raises ConfigError with unreadable files."""
    if settings.steps is None:
        return {}
    folder = config.directory / settings.steps
    where = f"warehouse {settings.name}: steps {folder}"
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix.lower() == _ENDING)
    except OSError as error:
        raise ConfigError(
            f"{where} cannot be read: {error.strerror}; correct `steps:`, or create the folder"
        ) from error
    problems: list[str] = []
    texts: dict[str, str] = {}
    for path in files:
        if not _NAME.match(path.stem):
            problems.append(f"{path.name}: a step's name has lower-case letters, digits and `_` only; rename the file")
        try:
            texts[path.stem] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            problems.append(f"{path.name} is not UTF-8 text: byte {error.start + 1}; save it as UTF-8")
        except OSError as error:
            problems.append(f"{path.name} cannot be read: {error.strerror}")
    if not files:
        problems.append("there is no `.sql` file in it; add one, or remove `steps:`")
    if problems:
        raise ConfigError(f"{where} has problems:", problems)
    return texts
