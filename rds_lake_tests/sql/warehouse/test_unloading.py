"""UNLOAD as it is written, and what is refused before it is tried."""

from typing import Any

import pytest

from rds_lake.model.warehouse.plan import FileFormat, Unload
from rds_lake.sql.warehouse.unloading import file_ending, render_unload, unload_problems


def result(**changes: Any) -> Unload:
    values: dict[str, Any] = {"name": "r", "query": "select 1", "to": "s3://reports/r/", "format": FileFormat.CSV}
    return Unload(**(values | changes))


def sql(**changes: Any) -> str:
    return render_unload(result(**changes), "s3://lake/staging/", role="default", kms_key=None)


def test_a_query_is_not_changed_whatever_quotes_it_has() -> None:
    assert sql(query="select 'a''b\\n';") == (
        "UNLOAD ($$ select 'a''b\\n' $$) TO 's3://lake/staging/' IAM_ROLE default FORMAT AS CSV MANIFEST VERBOSE"
    )
    assert sql(query="select '$$'").startswith("UNLOAD ('select ''$$''') TO")


def test_options_are_said_and_what_deletes_never_is() -> None:
    assert sql(header=True, gzip=True, delimiter="\t", single_file=True, most_bytes=1).endswith(
        "FORMAT AS CSV DELIMITER AS '\t' HEADER GZIP PARALLEL OFF MAXFILESIZE 5 MB MANIFEST VERBOSE"
    )
    assert sql(format=FileFormat.PARQUET, partition_by=("day", "Region")).endswith(
        "FORMAT AS PARQUET PARTITION BY (\"day\", \"Region\") MANIFEST VERBOSE"
    )  # fmt: skip
    assert "CLEANPATH" not in sql() and "ALLOWOVERWRITE" not in sql()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"format": FileFormat.PARQUET, "header": True}, "no header line"),
        ({"format": FileFormat.JSON, "header": True}, "no header line"),
        ({"format": FileFormat.PARQUET, "gzip": True}, "compressed by itself"),
        ({"format": FileFormat.JSON, "delimiter": ";"}, "no delimiter"),
        ({"delimiter": "||"}, "one character"),
        ({"single_file": True, "partition_by": ("day",)}, "cannot be used together"),
        ({"single_file": True, "most_bytes": 6 * 1024**3}, "from 1 to 5,368,709,120"),
        ({"to": "s3://reports"}, "with a slash at the end"),
        ({"query": "select '" + "x" * 110_000 + "'"}, "make a step of it"),
    ],
)
def test_what_does_not_go_together_is_said_when_it_is_planned(changes: dict[str, Any], said: str) -> None:
    (problem,) = unload_problems(result(**changes))
    assert problem.startswith("unload r: ") and said in problem


def test_an_ending_says_what_a_file_is() -> None:
    assert [file_ending(result(format=kind, gzip=kind is FileFormat.CSV)) for kind in FileFormat] == [
        "parquet",
        "csv.gz",
        "txt",
        "json",
    ]
