"""An export that says COMPLETE is not yet complete."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.model.aws.engine import Engine
from rds_lake.model.exports.completeness import Finding, check_completeness
from rds_lake.model.exports.info import ExportTableInfo, parse_tables_info
from rds_lake.model.exports.key import ExportedData, ExportKey, SuccessMarker, TablesInfoFile, parse_export_key
from rds_lake.model.exports.remarks import Meaning, read_remarks
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.model.tables.table import TableTarget
from rds_lake.model.target_names import Targets


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
    return ExportTableInfo(raw_target=target, target=Targets.of([target]).read(target), status=status, warning=warning)


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
    engine: Engine | None = None,
    known: Sequence[TableTarget] = (),
) -> tuple[Finding, ...]:
    return check_completeness(task=task(warning), infos=infos, keys=keys, include=include, engine=engine, known=known)


def read(*entries: dict[str, object]) -> tuple[ExportTableInfo, ...]:
    """Entries as AWS writes them, beside a whole table."""
    whole = {"target": "shop.public.orders", "status": "COMPLETE"}
    text = json.dumps({"perTableStatus": [whole, *entries]})
    return parse_tables_info({TablesInfoFile(name="f", first=1, last=1): text})


def skipped(target: str, reason: object) -> dict[str, object]:
    return {"target": target, "warningMessage": {"skippedDatabase": reason}}


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


def test_a_real_export_of_postgresql_with_its_empty_database_is_complete(samples: Path) -> None:
    text = (samples / "rds-export" / "export_tables_info.postgres.2026-10.json").read_text(encoding="utf-8")
    infos = parse_tables_info({TablesInfoFile(name="f", first=1, last=4): text})
    folders = [f"shop/public.{info.target.table}" for info in infos if info.target]
    keys = [key for folder in folders for key in (data(folder), ended(folder))]
    assert len(folders) == 4
    said = json.dumps({"skippedDatabase": [{"reason": "DATABASE_IS_EMPTY"}]})
    assert check(infos, keys, warning=said) == ()


@pytest.mark.parametrize(
    "reason",
    [
        [{"reason": "DATABASE_IS_EMPTY"}],
        {"reason": "DATABASE_IS_EMPTY"},
        "DATABASE_IS_EMPTY",
        json.dumps([{"reason": "DATABASE_IS_EMPTY"}]),
        [{"databaseName": "failed_jobs", "reason": "The database was skipped because it has no tables", "code": 7}],
    ],
)
@pytest.mark.parametrize("target", ["postgres", "acme.crm", "MyDb_1.0.0", "a.b.c.d"])
def test_an_empty_database_is_no_finding_in_whatever_form_aws_says_so(reason: object, target: str) -> None:
    assert check(read(skipped(target, reason), {"target": "other", "warningMessage": "database is empty"})) == ()


@pytest.mark.parametrize("reason", ["PERMISSIONS_DO_NOT_EXIST", "CONNECTION_TIMED_OUT", "FAILED_TO_CONNECT"])
def test_a_database_that_could_not_be_read_is_an_error_that_names_it(reason: str) -> None:
    assert "database crm was not exported completely" in errors(check(read(skipped("crm", [{"reason": reason}]))))


def test_a_database_skipped_for_a_reason_nobody_has_seen_stops_a_date_only_where_the_lake_has_tables_of_it() -> None:
    infos = read(skipped("crm", [{"reason": "DATABASE_IS_RESERVED"}]))
    (finding,) = check(infos)
    assert (finding.severity, "DATABASE_IS_RESERVED" in finding.problem) == ("warning", True)
    known = [TableTarget(database="crm", schema="public", table="leads")]
    assert "the lake knows 1 table of it" in errors(check(infos, known=known))


@pytest.mark.parametrize(
    "warning",
    [
        {"somethingNew": [{"reason": "SINGLE_THREADED_MODE", "tableName": "shop.public.failed_jobs"}]},
        {"general": [{"reason": "NEVER_SEEN"}]},
        {"general": "NEVER_SEEN", "skippedTables": [], "skippedObjectives": None},
        ["NEVER_SEEN"],
    ],
)
def test_what_nobody_has_seen_yet_warns_with_awss_words_and_stops_nothing(warning: object) -> None:
    (finding,) = check([table("shop.public.orders")], warning=json.dumps(warning))
    assert finding.severity == "warning"
    assert "NEVER_SEEN" in finding.problem or "SINGLE_THREADED_MODE" in finding.problem


@pytest.mark.parametrize(
    "warning",
    [
        {"skippedTables": [{"tableName": "shop.public.pay", "reason": "NEVER_SEEN"}]},
        {"skippedTables": {"tableName": "shop.public.pay"}},
        {"failedPartitions": ["shop.public.pay"]},
        {"general": [{"details": {"cause": ["EXTRACTION_FAILED of shop.public.pay"]}}]},
        {"skippedTables": ["shop.public.pay"], "skippedDatabase": [{"reason": "DATABASE_IS_EMPTY"}]},
    ],
)
def test_a_sign_of_missing_data_is_an_error_in_whatever_form(warning: object) -> None:
    assert "shop.public.pay" in errors(check([table("shop.public.orders")], warning=json.dumps(warning)))


def test_a_complete_table_of_which_aws_lost_something_is_an_error() -> None:
    entry = {"target": "shop.public.pay", "status": "COMPLETE", "warningMessage": {"rows": [{"reason": "ROWS_LOST"}]}}
    assert "shop.public.pay" in errors(check(read(entry), [*ORDERS, ended("shop/public.pay")]))


@pytest.mark.parametrize(("whole", "done"), [(977, 976), (2, None), (977.0, "12")])
def test_a_complete_table_with_unfinished_partitions_is_an_error(whole: object, done: object) -> None:
    counts = {"numberOfPartitions": whole, "numberOfCompletedPartitions": done}
    entry = {
        "target": "shop.public.big",
        "status": "COMPLETE",
        "tableStatistics": {"partitioningInfo": counts},
    }
    assert "rows are missing" in errors(
        check(read(entry), [*ORDERS, data("shop/public.big"), ended("shop/public.big")])
    )


@pytest.mark.parametrize("status", ["complete", " Complete ", "COMPLETE"])
def test_a_status_may_be_spelled_as_aws_likes(status: str) -> None:
    assert check(read({"target": "shop.public.b", "status": status}), [*ORDERS, ended("shop/public.b")]) == ()


@pytest.mark.parametrize("status", [None, "PARTIAL", 7, {}])
def test_a_table_without_the_word_complete_is_an_error_and_no_traceback(status: object) -> None:
    assert "shop.public.b ended" in errors(check(read({"target": "shop.public.b", "status": status})))


def test_a_database_that_is_empty_satisfies_the_include_that_asks_for_it() -> None:
    assert check(read(skipped("crm", [{"reason": "DATABASE_IS_EMPTY"}])), include=["crm", "shop"]) == ()


@pytest.mark.parametrize("engine", [Engine.MYSQL, None])
@pytest.mark.parametrize("item", ["shop", "shop.orders"])
def test_a_table_of_mysql_is_asked_for_in_two_words(engine: Engine | None, item: str) -> None:
    keys = [data("shop/shop.orders"), ended("shop/shop.orders")]
    assert check([table("shop.shop.orders")], keys, include=[item], engine=engine) == ()


def test_a_table_that_include_of_mysql_asks_for_in_vain_is_an_error() -> None:
    keys = [data("shop/shop.orders"), ended("shop/shop.orders")]
    found = check([table("shop.shop.orders")], keys, include=["shop.orders", "shop.order"], engine=Engine.MYSQL)
    assert errors(found).count("`include`") == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["status", "warningMessage", "schemaMetadata", "tableStatistics", "sizeGB", "originalTypeMappings"]
        ),
        json_values,
    )
)
def test_an_entry_of_any_form_that_names_its_table_is_judged_and_never_raises(more: dict[str, object]) -> None:
    check(read(more | {"target": "shop.public.b"}))


@given(json_values)
def test_remarks_of_any_form_are_shown_and_never_raise(value: object) -> None:
    for remark in read_remarks(json.dumps(value)):
        assert remark.meaning in Meaning
        assert len(str(remark)) < 3_000


def test_a_remark_without_end_is_shown_in_part() -> None:
    (deep,) = read_remarks("[" * 500 + "]" * 500)
    assert deep.meaning is Meaning.UNKNOWN
    (long,) = read_remarks("x" * 1_000_000)
    assert len(long.text) < 3_000
