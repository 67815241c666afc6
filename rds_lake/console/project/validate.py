"""`rds-lake validate`: checks lake.yaml without AWS and without Dagster."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from rds_lake.config.document.document import read_document
from rds_lake.config.lake_yaml import LakeConfig, load_config
from rds_lake.config.source import SourceSettings
from rds_lake.errors import ConfigError, NameCollisionError
from rds_lake.model.words import counted
from rds_lake.stages.catalogue.naming import view_names
from rds_lake.stages.lake.known_tables import find_known_tables


def validate(config_path: Path, *, say: Callable[[str], None]) -> None:
    """Print what lake.yaml has. ConfigError lists every problem with its line."""
    config = load_config(config_path)
    if problems := [problem for source in config.sources for problem in _names(config, source)]:
        text = config_path.read_text(encoding="utf-8")
        document = read_document(text, where=str(config_path), environment=os.environ)
        raise ConfigError(f"{config_path} has problems:", document.placed(problems))
    kinds = Counter(source.kind for source in config.sources)
    sources = ", ".join(f"{count} of kind {kind}" for kind, count in kinds.items())
    say(f"{config_path} is valid: {counted(len(config.sources), 'source')} ({sources})")
    say("whether AWS has what it names: rds-lake doctor")


def _names(config: LakeConfig, source: SourceSettings) -> list[str]:
    """Returns a problem for each two tables with one name in Athena, if lake.yaml or the source's list names the tables."""
    try:
        view_names(find_known_tables(config, source) or (), source)
    except NameCollisionError as error:
        return [f"source {source.name!r}: {problem}" for problem in error.problems]
    return []
