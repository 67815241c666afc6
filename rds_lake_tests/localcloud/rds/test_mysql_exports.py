"""The local RDS export of a MySQL instance: AWS's names, which differ from those of PostgreSQL."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake_tests.support.world import World, execute_mysql, mariadb_cloud, until


@pytest.fixture(scope="module")
def world(mariadb: EmbeddedMariaDb, tmp_path_factory: pytest.TempPathFactory, root: Path) -> Iterator[World]:
    url = mariadb.create_database("Shop")
    execute_mysql(
        url,
        "CREATE TABLE `Order Details` (id bigint unsigned, price decimal(8, 2))",
        "INSERT INTO `Order Details` VALUES (18446744073709551615, 1.25)",
        "CREATE TABLE orders (id int)",
        "INSERT INTO orders VALUES (1)",
        "CREATE TABLE `with space in column` (`a b` int)",
    )
    with mariadb_cloud(url) as cloud:
        yield World.provisioned(cloud, url=url, directory=tmp_path_factory.mktemp("lake"), root=root)
    execute_mysql(url, "DROP DATABASE `Shop`")


@pytest.fixture(scope="module")
def snapshot(world: World) -> str:
    return world.snapshot("2026-11-20")


def export(world: World, snapshot: str, identifier: str, *only: str) -> dict[str, Any]:
    rds = world.clients.client("rds")
    rds.start_export_task(
        ExportTaskIdentifier=identifier,
        SourceArn=snapshot,
        S3BucketName="acme-lake",
        S3Prefix="mysql",
        IamRoleArn=world.config.lake.export_role,
        KmsKeyId="alias/rds-lake",
        ExportOnly=list(only),
    )

    def ended() -> dict[str, Any] | None:
        (task,) = rds.describe_export_tasks(ExportTaskIdentifier=identifier)["ExportTasks"]
        return task if task["Status"] in ("COMPLETE", "FAILED", "CANCELED") else None

    return until(ended)


def keys_of(world: World, identifier: str) -> list[str]:
    keys = [key.removeprefix(f"mysql/{identifier}/") for key in world.keys(f"mysql/{identifier}/")]
    return [re.sub(r"-[0-9a-f-]{36}-", "-UUID-", key) for key in keys if "_info_" not in key]


def test_the_schema_in_keys_and_targets_is_the_database_under_the_name_it_had(world: World, snapshot: str) -> None:
    task = export(world, snapshot, "everything")
    assert task["Status"] == "COMPLETE"
    assert keys_of(world, "everything") == [
        "Shop/Shop.Order_Details/1/_SUCCESS",
        "Shop/Shop.Order_Details/1/part-00000-UUID-c000.gz.parquet",
        "Shop/Shop.orders/1/_SUCCESS",
        "Shop/Shop.orders/1/part-00000-UUID-c000.gz.parquet",
    ]
    (key,) = [key for key in world.keys("mysql/everything/") if "tables_info" in key]
    entries = json.loads(world.root.s3.get_text("acme-lake", key))["perTableStatus"]
    assert [(entry["target"], entry["status"]) for entry in entries] == [
        ("Shop.Shop.Order Details", "COMPLETE"),
        ("Shop.Shop.orders", "COMPLETE"),
        ("Shop.Shop.with space in column", "SKIPPED"),
    ]
    assert entries[0]["schemaMetadata"]["originalTypeMappings"] == [
        {
            "columnName": "id",
            "originalType": "bigint",
            "expectedExportedType": "fixed_len_byte_array(9) (DECIMAL(20,0))",
            "originalNumPrecision": 20,
        },
        {
            "columnName": "price",
            "originalType": "decimal",
            "expectedExportedType": "int32 (DECIMAL(8,2))",
            "originalNumPrecision": 8,
        },
    ]


@pytest.mark.parametrize(
    ("only", "tables"), [("Shop.orders", ["Shop.orders"]), ("Shop", ["Shop.Order_Details", "Shop.orders"])]
)
def test_a_partial_export_names_tables_by_database_and_table(
    world: World, snapshot: str, only: str, tables: list[str]
) -> None:
    identifier = f"only-{only.replace('.', '-')}"
    assert export(world, snapshot, identifier, only)["Status"] == "COMPLETE"
    assert sorted({key.split("/")[1] for key in keys_of(world, identifier)}) == tables


def test_a_partial_export_in_postgresqls_three_words_is_refused(world: World, snapshot: str) -> None:
    with pytest.raises(ClientError, match="InvalidExportOnly"):
        export(world, snapshot, "three-words", "Shop.Shop.orders")
