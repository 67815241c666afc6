"""The S3 locations that a warehouse reads and writes, from lake.yaml."""

from __future__ import annotations

from urllib.parse import urlsplit

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import LoadOfTable, WarehouseSettings
from rds_lake.infra.policy.names import Names
from rds_lake.model.lake.layout import LakeLayout


def sources_of(config: LakeConfig, settings: WarehouseSettings) -> list[str]:
    """Returns the sources whose tables it loads; a JSON file that requests a run may name no others."""
    named = {load.table.partition(".")[0] for load in settings.loads if isinstance(load, LoadOfTable)}
    return [source.name for source in config.sources if source.athena and source.name in named]


def layout_of(config: LakeConfig) -> LakeLayout:
    """Returns the layout of the lake's keys."""
    return LakeLayout(bucket=config.lake.bucket, prefix=config.lake.prefix)


def place_of(uri: str) -> tuple[str, str]:
    """Returns bucket and key, or prefix, of a URI; of a URI with `{{run}}` the part before it."""
    parts = urlsplit(uri.partition("{{")[0])
    return parts.netloc, parts.path.lstrip("/")


def objects(names: Names, bucket: str, prefix: str) -> str:
    """Returns the ARN of all objects below a folder, or of the one object that a URI names."""
    if prefix.endswith("/") or not prefix or "." not in prefix.rpartition("/")[2]:
        return names.objects(bucket, prefix.rstrip("/"))
    return f"{names.bucket(bucket)}/{prefix}"


def below(prefix: str, folder: str) -> bool:
    """Whether a prefix is in a folder."""
    return f"{prefix.strip('/')}/".startswith(f"{folder.strip('/')}/") if folder.strip("/") else True
