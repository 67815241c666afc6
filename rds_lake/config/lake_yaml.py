"""Reads lake.yaml into frozen, validated values; one error lists every problem, each with what to do.

What belongs here: reading all sections together. Settings and their rules are in the other files of this folder, YAML and line
numbers in `document/`. Nothing here calls AWS.

`docs/configuration.md` describes every key with its default; a test compares it with these models.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator
from pydantic.json_schema import SkipJsonSchema

from rds_lake.config.database import Aurora, Database, Rds
from rds_lake.config.document.document import read_document
from rds_lake.config.dynamodb import DynamoDb
from rds_lake.config.lake import LakeSettings, Settings, known_regions
from rds_lake.config.reading import Read, read_settings
from rds_lake.config.rules import problems_alone, problems_together
from rds_lake.config.source import KINDS, ReadSource, SourceSettings, read_source
from rds_lake.config.text import shown, unknown_key
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.config.warehouses.read import read_warehouses
from rds_lake.config.warehouses.rules import warehouse_problems, warehouse_problems_alone
from rds_lake.errors import ConfigError
from rds_lake.model.aws.regions import region_notice

CONFIG_FILE = "lake.yaml"
_SECTIONS = ("lake", "sources", "warehouses")


class LakeConfig(Settings):
    """All of lake.yaml.

    `directory`: its folder; table states are in `tables/` in this folder. `notices`: sentences about old names that still work,
    and about a Region that the installed botocore does not know.
    """

    lake: LakeSettings = Field(description="The lake's bucket and the AWS objects it uses.")
    sources: tuple[Annotated[SourceSettings, Field(discriminator="kind")], ...] = Field(
        min_length=1,
        description="The databases to export: one entry per instance, cluster or set of DynamoDB tables.",
    )
    warehouses: tuple[WarehouseSettings, ...] = Field(
        default=(),
        description="Redshift warehouses that exist while a run needs them: they load tables of the lake, and write results to S3.",
    )
    directory: SkipJsonSchema[Path] = Field(default=Path(), exclude=True)
    notices: SkipJsonSchema[tuple[str, ...]] = Field(default=(), exclude=True)

    @model_validator(mode="after")
    def _keys_go_together(self) -> LakeConfig:
        alone = [f"{source.name}: {problem}" for source in self.sources for problem in problems_alone(source)]
        alone += [f"{item.name}: {problem}" for item in self.warehouses for problem in warehouse_problems_alone(item)]
        together = problems_together(self.lake, self.sources)
        if problems := [*alone, *together, *warehouse_problems(self.lake, self.sources, self.warehouses)]:
            raise ValueError("; ".join(problems))
        return self

    @property
    def databases(self) -> tuple[Database, ...]:
        """The sources that are databases, in order."""
        return tuple(source for source in self.sources if isinstance(source, Rds | Aurora))

    @property
    def dynamodb(self) -> tuple[DynamoDb, ...]:
        """The sources that are sets of DynamoDB tables, in order."""
        return tuple(source for source in self.sources if isinstance(source, DynamoDb))

    @property
    def has_glue_job(self) -> bool:
        return any(source.by_glue for source in self.dynamodb)

    @property
    def has_dynamodb(self) -> bool:
        return bool(self.dynamodb)

    def warehouse(self, name: str) -> WarehouseSettings:
        """Returns the warehouse of that name. ConfigError lists the existing names."""
        for warehouse in self.warehouses:
            if warehouse.name == name:
                return warehouse
        known = (
            ", ".join(warehouse.name for warehouse in self.warehouses) or "none; add `warehouses:` (docs/warehouse.md)"
        )
        raise ConfigError(f"no warehouse is named {name!r}; {_is_file(name)}lake.yaml has: {known}")

    def source(self, name: str) -> SourceSettings:
        """Returns the source of that name. ConfigError lists the existing names."""
        for source in self.sources:
            if source.name == name:
                return source
        known = ", ".join(source.name for source in self.sources)
        raise ConfigError(f"no source is named {name!r}; {_is_file(name)}lake.yaml has: {known}")


def _is_file(name: str) -> str:
    return f"{name} is a file: write `--config {name}`; " if Path(name).suffix in (".yaml", ".yml") else ""


def load_config(path: Path) -> LakeConfig:
    """Returns the configuration in the file at `path`, using this process's environment variables. Logs its notices as warnings.

    ConfigError lists every problem, each with its line and column and what to do.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path} does not exist; set RDS_LAKE_CONFIG to the path of your lake.yaml, or run in its directory"
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not UTF-8 text: byte {error.start + 1} is {error.object[error.start]:#04x}. Save it as UTF-8"
        ) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from error
    config = parse_config(text, where=str(path), directory=path.resolve().parent, environment=os.environ)
    for notice in config.notices:
        logging.getLogger("rds_lake").warning("%s: %s", path, notice)
    return config


def parse_config(
    text: str, *, where: str, directory: Path = Path(), environment: Mapping[str, str] | None = None
) -> LakeConfig:
    """Returns the configuration in `text`. `where`: its name in errors; `environment`: the variables that it may use.

    ConfigError lists every problem, each with its line; no message contains the value of a variable.
    """
    document = read_document(text, where=where, environment=environment or {})
    body = document.body
    if not isinstance(body, dict):
        raise ConfigError(f"{where} must be a mapping with `lake:` and `sources:`")
    try:
        config = config_of(body, where=where, directory=directory)
    except ConfigError as error:
        raise ConfigError(error.headline, document.placed(error.problems)) from None
    if problems := document.placed(()):
        raise ConfigError(f"{where} has problems:", problems)
    return config


def config_of(body: dict[Any, Any], *, where: str, directory: Path = Path()) -> LakeConfig:
    """Like `parse_config`, for parsed values (`body`); problems name paths of keys instead of lines."""
    lake = _lake(body)
    sources, problems = _sources(body)
    read = [source.settings for source in sources if source.settings is not None]
    warehouses = read_warehouses(body.get("warehouses", ()))
    problems = [*_unknown(body), *lake.problems, *problems, *warehouses.problems]
    together = problems_together(lake.settings, read) + warehouse_problems(lake.settings, read, warehouses.settings)
    problems += [f"lake.yaml: {problem}" for problem in together]
    if problems or lake.settings is None:
        raise ConfigError(f"{where} has problems:", problems)
    notices = (*_region_notice(lake.settings), *(notice for source in sources for notice in source.notices))
    return LakeConfig(
        lake=lake.settings, sources=tuple(read), warehouses=warehouses.settings, directory=directory, notices=notices
    )


def _unknown(body: dict[Any, Any]) -> list[str]:
    missing = [section for section in _SECTIONS if section not in body]
    return [
        f"{key}: is a key of `lake:`; write it there"
        if key in LakeSettings.model_fields
        else unknown_key(str(key), str(key), missing)
        for key in body
        if key not in _SECTIONS
    ]


def _lake(body: dict[Any, Any]) -> Read[LakeSettings]:
    if "lake" not in body:
        return Read(None, ("lake: is required; add it (docs/configuration.md describes it)",))
    what = "keys, such as `bucket: acme-lake`"
    return read_settings(LakeSettings, body["lake"], "lake", elsewhere=_of_sources, what=what)


def _region_notice(lake: LakeSettings) -> list[str]:
    notice = lake.region and region_notice(lake.region, known_regions())
    return [f"lake.region: {notice}"] if notice else []


def _of_sources(key: str) -> str | None:
    is_known = any(key in kind.model_fields for kind in KINDS.values())
    return "is a key of a source; write it in an entry of `sources:`" if is_known else None


def _sources(body: dict[Any, Any]) -> tuple[list[ReadSource], list[str]]:
    """Returns every entry of `sources:`, and each entry's own problems; rules between entries are `rules.py`."""
    raw = body.get("sources")
    if "sources" not in body or raw is None or raw == []:
        return [], ["sources: is required; add a list of at least one source (docs/configuration.md describes it)"]
    if not isinstance(raw, list):
        return [], [f"sources: must be a list, each entry with a leading `- `, not {shown(raw)}"]
    sources = [read_source(entry, f"sources.{at}") for at, entry in enumerate(raw)]
    problems: list[str] = []
    for at, source in enumerate(sources):
        alone = problems_alone(source.settings) if source.settings else []
        problems += [*source.problems, *(f"sources.{at}: {problem}" for problem in alone)]
    return sources, problems


def first_date(config: LakeConfig, source: SourceSettings) -> date:
    """Returns the first snapshot date of the source."""
    return source.start_date or config.lake.start_date
