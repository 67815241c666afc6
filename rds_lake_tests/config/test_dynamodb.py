"""Sources of DynamoDB in lake.yaml: what is accepted, and errors a person can act on."""

from datetime import time

import pytest

from rds_lake.config.dynamodb import DynamoDb
from rds_lake.config.lake_yaml import LakeConfig, parse_config
from rds_lake.errors import ConfigError
from rds_lake.model.tables.table import dynamodb_table

LAKE = """
lake:
  bucket: acme-lake
  export_role: arn:aws:iam::111122223333:role/rds-lake-export
  kms_key: alias/rds-lake
  events_queue: rds-lake-events
  start_date: 2026-01-01
sources:
"""
REVIEWS = "  - {name: reviews, kind: dynamodb, tables: [Reviews, Held-Out.Items]"


def lake(*sources: str) -> LakeConfig:
    return parse_config(LAKE + "\n".join(sources), where="lake.yaml")


def reviews(text: str) -> DynamoDb:
    """The one source of that lake.yaml."""
    (source,) = lake(text).dynamodb
    return source


def problems_of(*sources: str) -> str:
    with pytest.raises(ConfigError) as caught:
        lake(*sources)
    return str(caught.value)


def test_a_source_is_a_list_of_tables() -> None:
    source = reviews(REVIEWS + "}")
    assert source.included_tables == (dynamodb_table("Reviews"), dynamodb_table("Held-Out.Items"))
    assert (source.method, source.export_at) == ("export", time(0, 0))


def test_patterns_leave_the_tables_to_aws() -> None:
    assert reviews("  - {name: reviews, kind: dynamodb, tables: [Users, 'Orders-*']}").included_tables is None


@pytest.mark.parametrize(("text", "meant"), [("12:30", time(12, 30)), ("'05:07'", time(5, 7)), ("00:00", time(0, 0))])
def test_a_time_of_day_is_read_with_and_without_quotes(text: str, meant: time) -> None:
    assert reviews(f"{REVIEWS}, export_at: {text}}}").export_at == meant


def test_every_key_that_makes_no_sense_is_named_with_its_place() -> None:
    text = problems_of(
        f"{REVIEWS}, identifier: x, snapshots: [manual], export_at: 25:00, read_percentage: 2, engine: mysql}}",
        "  - {name: shop, kind: rds, identifier: shop-prod, tables: [Users], incremental: true}",
        "  - {name: other, kind: dynamodb}",
    )
    assert "source reviews: identifier: is not a key of kind dynamodb; remove it" in text
    assert "source reviews: snapshots: is not a key" in text
    assert "source reviews: export_at:" in text
    assert "source reviews: read_percentage:" in text
    assert "source reviews: engine: kind dynamodb has no engine; remove it" in text
    assert "source shop: tables: is not a key of kind rds" in text
    assert "source shop: incremental: is not a key of kind rds" in text
    assert "source other: tables: is required" in text


def test_all_that_does_not_go_together_is_listed_at_once() -> None:
    text = problems_of(
        f"{REVIEWS}, converter: glue, incremental: true, format: csv, on_demand_rcu: 10, glue_above_gb: 9}}"
    )
    expected = ("converter: glue writes parquet or orc", "incremental: changes can only be merged into Parquet, not into csv",
                "incremental: changes are merged on one machine", "athena: false", "on_demand_rcu: is for",
                "glue_above_gb: is for")  # fmt: skip
    assert all(word in text for word in expected)


@pytest.mark.parametrize("converter", ["glue", "auto"])
def test_a_job_needs_a_role_and_the_files_of_an_export(converter: str) -> None:
    assert "lake.glue_role is missing" in problems_of(f"{REVIEWS}, converter: {converter}}}")
    assert f"converter: {converter} converts exports" in problems_of(
        f"{REVIEWS}, converter: {converter}, method: scan}}"
    )


def test_changes_are_merged_for_exported_sources_of_one_machine() -> None:
    assert reviews(f"{REVIEWS}, incremental: true}}").incremental
    assert "incremental: a scan has no changes" in problems_of(f"{REVIEWS}, incremental: true, method: scan}}")


def test_a_table_belongs_to_one_source() -> None:
    text = problems_of(REVIEWS + "}", "  - {name: second, kind: dynamodb, tables: [Reviews]}")
    assert "source second: has the DynamoDB table 'Reviews', as source 'reviews' does" in text


def test_exports_that_nothing_would_begin_are_refused() -> None:
    with pytest.raises(ConfigError, match="no export of DynamoDB is ever started"):
        parse_config(LAKE.replace("sources:", "  reconcile_days: 0\nsources:") + REVIEWS + "}", where="lake.yaml")


@pytest.mark.parametrize("name", ["ab", "Order Details", "x" * 300, ""])
def test_a_name_no_table_can_have_is_refused(name: str) -> None:
    assert "source reviews: tables.0" in problems_of(f"  - {{name: reviews, kind: dynamodb, tables: ['{name}']}}")


def test_a_lake_of_dynamodb_alone_needs_neither_export_role_nor_key() -> None:
    bare = LAKE.replace("  export_role: arn:aws:iam::111122223333:role/rds-lake-export\n", "")
    bare = bare.replace("  kms_key: alias/rds-lake\n", "")
    settings = parse_config(bare + REVIEWS + "}", where="lake.yaml").lake
    assert (settings.export_role, settings.kms_key) == (None, None)
    with pytest.raises(ConfigError) as caught:
        parse_config(bare + REVIEWS + "}\n  - {name: shop, kind: rds, identifier: shop-prod}", where="lake.yaml")
    assert "source shop: RDS needs lake.export_role and lake.kms_key to export a snapshot; add them" in str(
        caught.value
    )
    assert "'reviews'" not in str(caught.value)
