"""COMPLETE is not yet complete (traps T11, pain point 4)."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.model.completeness import Finding, check_completeness
from rds_lake.model.export import ExportStatus, ExportTask
from rds_lake.model.export_info import ExportTableInfo, parse_target
from rds_lake.model.export_key import ExportedData, ExportKey, SuccessMarker, parse_export_key


def task(warning: str | None = None) -> ExportTask:
    return ExportTask(
        identifier="t-1",
        source_arn="arn:aws:rds:us-east-1:1:snapshot:s",
        status=ExportStatus.COMPLETE,
        bucket="b",
        prefix="",
        snapshot_time=None,
        warning_message=warning,
    )


def table(target: str, status: str = "COMPLETE", warning: str | None = None) -> ExportTableInfo:
    return ExportTableInfo(raw_target=target, target=parse_target(target), status=status, warning=warning)


def data(folder: str, index: int = 1) -> ExportedData:
    return ExportedData(folder=folder, index=index, name="part-00000-x.gz.parquet")


def ended(folder: str, index: int = 1) -> SuccessMarker:
    return SuccessMarker(folder=folder, index=index)


ORDERS = (data("shop/public.orders"), ended("shop/public.orders"))


def check(
    infos: Sequence[ExportTableInfo],
    keys: Sequence[ExportKey] = ORDERS,
    *,
    warning: str | None = None,
    include: Sequence[str] = (),
) -> tuple[Finding, ...]:
    return check_completeness(task=task(warning), infos=infos, keys=keys, include=include)


def errors(findings: Sequence[Finding]) -> str:
    return "\n".join(finding.problem for finding in findings if finding.severity == "error")


def test_a_whole_export_has_no_findings() -> None:
    assert check([table("shop.public.orders")]) == ()


def test_an_empty_table_that_left_only_its_marker_is_legal() -> None:
    assert check([table("shop.public.orders")], [ended("shop/public.orders")]) == ()


def test_the_older_layout_without_index_folders_is_legal() -> None:
    assert check([table("shop.public.orders")], [data("shop/public.orders", 0)]) == ()


def test_awss_own_sample_of_a_warning_is_an_error_that_says_what_to_do(samples: Path) -> None:
    answer = json.loads((samples / "rds-export" / "describe-export-tasks-response.json").read_text(encoding="utf-8"))
    (sample,) = [each["WarningMessage"] for each in answer["ExportTasks"] if "WarningMessage" in each]
    assert "materialize the date again" in errors(check([table("shop.public.orders")], warning=sample))


def test_a_table_skipped_for_permissions_names_the_grant_to_make() -> None:
    warning = json.dumps({"skippedTables": [{"tableName": "shop.public.pay", "reason": "PERMISSIONS_DO_NOT_EXIST"}]})
    text = errors(check([table("shop.public.orders")], warning=warning))
    assert "shop.public.pay" in text
    assert "GRANT" in text


def test_a_warning_that_is_not_json_is_still_an_error() -> None:
    assert "half the tables" in errors(check([table("shop.public.orders")], warning="half the tables"))


def test_a_table_that_did_not_end_complete_is_an_error_though_the_task_did() -> None:
    assert "shop.public.big ended SKIPPED" in errors(
        check([table("shop.public.orders"), table("shop.public.big", "SKIPPED")])
    )


def test_a_table_announced_as_complete_with_nothing_in_s3_is_an_error() -> None:
    assert "shop.public.gone" in errors(check([table("shop.public.orders"), table("shop.public.gone")]))


def test_files_of_a_table_nobody_announced_are_an_error() -> None:
    assert "shop/public.extra" in errors(check([table("shop.public.orders")], [*ORDERS, data("shop/public.extra")]))


def test_an_index_folder_that_aws_did_not_finish_is_an_error() -> None:
    assert "shop/public.orders/2" in errors(
        check([table("shop.public.orders")], [*ORDERS, data("shop/public.orders", 2)])
    )


def test_two_tables_whose_folders_aws_writes_alike_are_an_error() -> None:
    names = [table("shop.public.a b"), table("shop.public.a_b")]
    assert "share the folder" in errors(check(names, [data("shop/public.a_b"), ended("shop/public.a_b")]))


def test_a_table_asked_for_by_include_that_did_not_come_is_an_error() -> None:
    found = check([table("shop.public.orders")], include=["shop.public.orders", "shop.public.customers", "shop.public"])
    assert errors(found).count("`include`") == 1
    assert "shop.public.customers" in errors(found)


def test_a_database_that_could_not_be_listed_is_an_error() -> None:
    assert "database other" in errors(check([table("shop.public.orders"), table("other", "", "no tables list")]))


def test_a_remark_about_a_complete_table_only_warns() -> None:
    (finding,) = check([table("shop.public.orders", warning="slow")])
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    "key",
    ["shop/public.orders/1/2/part-0-x.gz.parquet", "shop/public.orders/1/part-0-x.orc", "shop/orders/1/x.parquet"],
)
def test_data_in_a_layout_we_do_not_know_is_an_error_and_not_an_empty_table(key: str) -> None:
    foreign = parse_export_key(f"exports/t-1/{key}", "exports/t-1/")
    assert key in errors(check([table("shop.public.orders")], [ended("shop/public.orders"), foreign]))


def test_what_people_leave_in_the_folder_is_nobodys_data() -> None:
    keys = [*ORDERS, parse_export_key("t-1/", "t-1/"), parse_export_key("t-1/notes.txt", "t-1/")]
    assert check([table("shop.public.orders")], keys) == ()


def test_a_table_whose_name_begins_like_the_included_one_is_not_it() -> None:
    orders = "shop.public.orders"
    assert orders in errors(check([table(f"{orders}.old")], [ended("shop/public.orders.old")], include=[orders]))


@given(
    st.text(max_size=50)
    | st.just("[" * 100_000)
    | st.dictionaries(st.text(max_size=5), st.text(max_size=5)).map(json.dumps)
)
def test_no_warning_whatever_raises(warning: str) -> None:
    check([table("shop.public.orders")], warning=warning)
