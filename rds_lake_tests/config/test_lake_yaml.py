"""lake.yaml: what is accepted, and errors a person can act on."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.config.lake_yaml import load_config, parse_config
from rds_lake.errors import ConfigError
from rds_lake.model.tables.table import TableTarget

LEGAL = """
lake:
  bucket: acme-lake
  export_role: arn:aws:iam::111122223333:role/rds-lake-export
  kms_key: alias/rds-lake
  events_queue: rds-lake-events
  start_date: 2026-01-01
sources:
  - name: shop
    kind: rds
    identifier: shop-prod
"""


def problems_of(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, where="lake.yaml")
    return str(caught.value)


def test_the_smallest_legal_file_has_usable_defaults() -> None:
    config = parse_config(LEGAL, where="lake.yaml")
    assert config.lake.exports_bucket == "acme-lake"
    assert config.databases[0].snapshots == ("automated",)
    assert config.lake.start_date == date(2026, 1, 1)


def test_the_checkouts_own_lake_yaml_is_legal(root: Path) -> None:
    config = load_config(root / "lake.yaml")
    assert [source.name for source in config.sources] == ["shop", "reviews"]


def test_one_error_lists_every_problem_with_its_place() -> None:
    text = (
        LEGAL.replace("acme-lake", "Acme_Lake")
        .replace("identifier: shop-prod", "identifer: shop-prod")
        .replace("kind: rds", "kind: mongodb")
    )
    message = problems_of(text)
    assert "lake.bucket" in message
    assert "source shop: identifer: unknown key" in message
    assert "source shop: identifier: is required" in message
    assert "'mongodb'" in message


def test_two_sources_of_one_name_are_refused() -> None:
    second = "\n  - name: shop\n    kind: rds\n    identifier: other\n"
    assert "two sources are named 'shop'" in problems_of(LEGAL.rstrip() + second)


def test_two_sources_of_one_instance_are_refused() -> None:
    second = "\n  - name: shop2\n    kind: rds\n    identifier: SHOP-prod\n"
    assert "source shop2: reads instance 'SHOP-prod', as source 'shop' does" in problems_of(LEGAL.rstrip() + second)


def test_a_key_written_twice_is_refused_instead_of_the_last_one_winning() -> None:
    assert "'kms_key' is written twice" in problems_of(LEGAL.replace("  kms_key:", "  kms_key: a\n  kms_key:"))


@pytest.mark.parametrize("item", ["shop.public.Order Details", "shop.public.o-1", "a.b.c.d", ""])
def test_an_include_that_aws_would_refuse_is_refused_here_with_the_way_out(item: str) -> None:
    message = problems_of(LEGAL.rstrip() + f"\n    include: ['{item}']\n")
    assert "leave `include` empty" in message


def test_a_prefix_aws_refuses_is_refused_here() -> None:
    assert "S3Prefix" in problems_of(LEGAL.replace("lake:\n", "lake:\n  export_prefix: a:b\n", 1))


@pytest.mark.parametrize(
    ("prefix", "exports", "refused"),
    [
        ("lake", "lake/shop", True),
        ("lake", "lake/shop/exports", True),
        ("''", "shop", True),
        ("lake", "lake", False),
        ("lake", "lake/shop2", False),
        ("lake", "''", False),
    ],
)
def test_exports_may_not_lie_among_a_sources_tables(prefix: str, exports: str, refused: bool) -> None:
    """They would be taken for leftovers of its tables and removed."""
    text = LEGAL.replace("lake:\n", f"lake:\n  prefix: {prefix}\n  export_prefix: {exports}\n", 1)
    if refused:
        assert "choose another export_prefix" in problems_of(text)
    else:
        parse_config(text, where="lake.yaml")


def test_a_missing_file_says_how_to_name_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="RDS_LAKE_CONFIG"):
        load_config(tmp_path / "lake.yaml")


@given(st.text(max_size=200))
def test_no_text_whatever_raises_anything_but_a_config_error(text: str) -> None:
    try:
        parse_config(text, where="lake.yaml")
    except ConfigError:
        return


def test_the_shape_of_the_design_is_read_for_an_rds_source() -> None:
    more = """
    include: [shop.public.orders]
    default_schema: shop.public
    parquet: relocated
    keep_export: false
    athena: true
    table_assets: true
    retention: {daily: 14, weekly: 8, monthly: 12}
"""
    source = parse_config(LEGAL.rstrip() + more, where="lake.yaml").source("shop")
    assert source.included_tables == (TableTarget(database="shop", schema="public", table="orders"),)
    assert "retention.daily" in problems_of(LEGAL.rstrip() + more.replace("daily: 14", "daily: 0"))


def test_a_pattern_of_a_union_that_is_no_regular_expression_is_named() -> None:
    message = problems_of(LEGAL.rstrip() + "\n    union: {events: 'events_('}\n")
    assert "'events_(' is not a regular expression" in message


def test_how_much_a_table_may_lose_is_said_for_all_or_by_view_or_original_name() -> None:
    def limits(line: str) -> list[tuple[float, bool]]:
        source = parse_config(LEGAL.rstrip() + f"\n    {line}\n", where="lake.yaml").source("shop")
        names = [("orders", "shop.public.orders"), ("jobs", "shop.public.jobs"), ("other", "shop.public.other")]
        return [source.max_drop_of(view, table) for view, table in names]

    assert limits("max_drop: 1") == [(1, False)] * 3
    by_name = limits("max_drop: {orders: 0.1, shop.public.jobs: 1}")
    assert by_name[:2] == [(0.1, True), (1, True)]
    assert by_name[2] == parse_config(LEGAL, where="lake.yaml").source("shop").max_drop_of("a", "b")
    assert limits("max_drop: {default: 0.9, orders: 0.1}")[2] == (0.9, False)
    assert "max_drop" in problems_of(LEGAL.rstrip() + "\n    max_drop: 50\n")


def test_a_date_that_waits_for_a_person_is_not_replaced_behind_their_back() -> None:
    assert "remove one of the two" in problems_of(LEGAL.rstrip() + "\n    publish: manual\n    replace: true\n")


def test_dates_that_reconciliation_would_export_again_must_be_kept() -> None:
    few = "\n    retention: {daily: 2}\n"
    assert "retention.daily 2 is less than lake.reconcile_days 3" in problems_of(LEGAL.rstrip() + few)
    assert parse_config(LEGAL.rstrip() + few.replace("2", "3"), where="lake.yaml").source("shop").retention


def test_in_place_and_a_deleted_export_are_refused_together() -> None:
    in_place = LEGAL.rstrip() + "\n    parquet: in_place\n"
    assert parse_config(in_place, where="lake.yaml").databases[0].parquet == "in_place"
    assert parse_config(in_place + "    keep_export: true\n", where="lake.yaml")
    message = problems_of(in_place + "    keep_export: false\n")
    assert "would delete the only Parquet files" in message
    assert "set `parquet: relocated`" in message


@pytest.mark.parametrize(
    ("line", "place"),
    [
        (
            "    snapshots: [live]\n    live_schedule: 0 25 * * *\n",
            "source shop: live_schedule: '0 25 * * *' is not a cron schedule",
        ),
        (
            "    retention: {schedule: every day}\n",
            "source shop: retention.schedule: 'every day' is not a cron schedule",
        ),
        ("    retention: {schedule: ''}\n", "source shop: retention.schedule: '' is not a cron schedule"),
    ],
)
def test_a_schedule_that_is_none_is_named_with_its_key(line: str, place: str) -> None:
    message = problems_of(LEGAL.replace("kind: rds", "kind: aurora") + line)
    assert place in message
    assert "for example" in message
