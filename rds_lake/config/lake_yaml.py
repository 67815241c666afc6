"""lake.yaml: from text to frozen, validated values.

What belongs here: the whole, and how it is read: one error lists every problem, with what to do. Settings and their rules are
`config/lake.py`, `config/source.py` and `config/rules.py`. What does not: reading the environment (`definitions.py`,
`cli.py`) or AWS.

The whole shape, with the defaults, is in `docs/configuration.md`, which a test compares with these models.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import yaml
from pydantic import Field, ValidationError, model_validator

from rds_lake.config.lake import LakeSettings, Settings
from rds_lake.config.rules import problems_together
from rds_lake.config.source import SourceSettings
from rds_lake.config.text import UniqueKeyLoader, explain
from rds_lake.errors import ConfigError

CONFIG_FILE = "lake.yaml"


class LakeConfig(Settings):
    """All of lake.yaml. `directory` is where it was found: table states stand in `tables/` beside it."""

    lake: LakeSettings
    sources: tuple[SourceSettings, ...] = Field(min_length=1)
    directory: Path = Field(default=Path(), exclude=True)

    @model_validator(mode="after")
    def _sources_go_together(self) -> LakeConfig:
        if problems := problems_together(self.lake, self.sources):
            raise ValueError("; ".join(problems))
        return self

    @property
    def has_glue_job(self) -> bool:
        return any(source.by_glue for source in self.sources)

    @property
    def has_dynamodb(self) -> bool:
        return any(source.kind == "dynamodb" for source in self.sources)

    def source(self, name: str) -> SourceSettings:
        """The source of that name; a ConfigError names the ones there are."""
        for source in self.sources:
            if source.name == name:
                return source
        known = ", ".join(source.name for source in self.sources)
        raise ConfigError(f"no source is named {name!r}; lake.yaml has: {known}")


def load_config(path: Path) -> LakeConfig:
    """The configuration in the file at `path`.

    Raises ConfigError listing every problem, each with its place in the file and what to do.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path} does not exist; set RDS_LAKE_CONFIG to your lake.yaml or run where it stands"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not UTF-8 text: byte {error.start + 1} is {error.object[error.start]:#04x}. Save it as UTF-8"
        ) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    return parse_config(text, where=str(path), directory=path.resolve().parent)


def parse_config(text: str, *, where: str, directory: Path = Path()) -> LakeConfig:
    """The configuration in `text`; `where` names it in errors."""
    try:
        body = yaml.load(text, Loader=UniqueKeyLoader)  # noqa: S506 - a SafeLoader that also refuses doubled keys
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is not YAML: {error}") from error
    if not isinstance(body, dict):
        raise ConfigError(f"{where} must be a mapping with `lake:` and `sources:`")
    try:
        return LakeConfig.model_validate(body | {"directory": directory})
    except ValidationError as error:
        raise ConfigError(f"{where} has problems:", [explain(detail) for detail in error.errors()]) from error


def first_date(config: LakeConfig, source: SourceSettings) -> date:
    """The first snapshot date of the source."""
    return source.start_date or config.lake.start_date
