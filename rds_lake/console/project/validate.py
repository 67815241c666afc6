"""`rds-lake validate`: is lake.yaml right, as far as can be said without AWS and without Dagster?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

from rds_lake.config.lake_yaml import load_config


def validate(config_path: Path, *, say: Callable[[str], None]) -> None:
    """Say what lake.yaml has; ConfigError lists every problem with its line."""
    config = load_config(config_path)
    kinds = Counter(source.kind for source in config.sources)
    sources = ", ".join(f"{count} of kind {kind}" for kind, count in kinds.items())
    say(f"{config_path} is valid: {len(config.sources)} source{'s' * (len(config.sources) != 1)} ({sources})")
    say("whether AWS has what it names: rds-lake doctor")
