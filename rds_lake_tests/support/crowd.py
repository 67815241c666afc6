"""A lake.yaml of many databases, for tests and benchmarks of what happens at once."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from rds_lake.config.lake_yaml import LakeConfig, load_config


def write_crowd(root: Path, folder: Path, names: Sequence[str], *, shop: bool = False) -> LakeConfig:
    """The checkout's lake.yaml in `folder`, with a source per database that ends at its Parquet; `shop`: its own first."""
    body = yaml.safe_load((root / "lake.yaml").read_text(encoding="utf-8"))
    body["sources"] = (body["sources"][:1] if shop else []) + [
        {"name": name.replace("-", "_"), "kind": "rds", "identifier": name, "athena": False, "freshness_hours": 0}
        for name in names
    ]
    (folder / "lake.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")
    return load_config(folder / "lake.yaml")
