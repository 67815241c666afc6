"""The assets of a source by name, and who may write names."""

import ast
from pathlib import Path

import dagster as dg
import pytest

from rds_lake.config.database import Rds
from rds_lake.config.source import SourceSettings
from rds_lake.defs.keys import StageKeys
from rds_lake.model.tables.table import TableTarget
from rds_lake_tests.house import PACKAGE


def table(name: str) -> TableTarget:
    return TableTarget(database="shop", schema="public", table=name)


TABLES = [table(name) for name in ("zebras", "orders", "catalog")]


def source(**settings: object) -> SourceSettings:
    return Rds.model_validate(
        {"name": "shop", "kind": "rds", "identifier": "shop-prod", "default_schema": "shop.public"} | settings
    )


def names(keys: tuple[dg.AssetKey, ...]) -> list[str]:
    return ["/".join(key.path[1:]) for key in keys]


def test_the_assets_of_a_source_are_in_the_order_of_its_stages() -> None:
    keys = StageKeys.of(source(), TABLES)
    assert names(keys.whole) == ["snapshot_export", "parquet", "catalog", "Table/catalog", "orders", "zebras"]
    assert (keys.from_parquet, keys.from_catalog) == (keys.whole[1:], keys.whole[2:])
    assert keys.last == keys.before_readers[-1] == dg.AssetKey(["shop", "zebras"])


def test_a_held_date_ends_with_its_outcome_whatever_a_table_is_called() -> None:
    keys = StageKeys.of(source(publish="manual"), [*TABLES, table("publish_outcome")])
    assert names(keys.published)[-2:] == ["zebras", "publish_outcome"]
    assert names(keys.before_readers) == [keys.last.path[-1]] == ["publish_outcome"]


def test_without_known_tables_one_asset_is_that_of_all_views() -> None:
    keys = StageKeys.of(source())
    assert dict(keys.tables) == {None: dg.AssetKey(["shop", "views"])}
    assert StageKeys.of(source(table_assets=False), TABLES) == keys


@pytest.mark.parametrize("publish", ["auto", "manual"])
def test_without_athena_a_date_ends_with_its_parquet(publish: str) -> None:
    keys = StageKeys.of(source(athena=False, publish=publish), TABLES)
    assert names(keys.whole) == ["snapshot_export", "parquet"]
    assert (keys.catalog, keys.outcome, keys.from_catalog, keys.last) == (None, None, (), keys.parquet)


def literals(path: Path) -> list[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [text for text in texts if text.startswith(("rds_lake/", "dagster/")) and "\n" not in text]


def test_only_four_files_write_names_of_metadata_and_tags() -> None:
    """Stages return values; what Dagster calls them is decided in one place."""
    folders = [PACKAGE / name for name in ("defs", "stages", "model", "aws", "sql")]
    written = {path for folder in folders for path in folder.rglob("*.py") if literals(path)}
    assert written == {
        PACKAGE / "defs" / name
        for name in ("metadata.py", "table_metadata.py", "translate.py", "warehouse/metadata.py")
    }
    others = [path for path in (PACKAGE / "defs").rglob("*.py") if path not in written]
    assert [path.name for path in others if "MetadataValue" in path.read_text(encoding="utf-8")] == []
