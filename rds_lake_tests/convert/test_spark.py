"""The Spark job against the local engine, on a Spark of this machine."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from gzip import compress
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings

from rds_lake.convert.rules.converted import Converted
from rds_lake.convert.rules.tree import Limits
from rds_lake.convert.spark.request import JobInput, JobRequest, parse_result
from rds_lake.errors import ConversionError
from rds_lake_tests.convert.reading import Item, convert, differences
from rds_lake_tests.convert.test_long_types import wide
from rds_lake_tests.convert.test_round_trip import files
from rds_lake_tests.support.spark import needs_spark, spark_session

# pyspark leaves its sockets open.
pytestmark = [
    needs_spark,
    pytest.mark.exhaustive,
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
]

_LIMITS = Limits(max_depth=3, max_keys=3)


@pytest.fixture(scope="module")
def spark() -> Iterator[Any]:
    with spark_session() as session:
        yield session


class Lake:
    """A folder in place of S3, and the job's files in it."""

    def __init__(self, spark: Any, folder: Path) -> None:
        self._spark, self._folder = spark, folder

    def file(self, content: bytes, name: str = "a.json.gz", **told: Any) -> JobInput:
        uri = f"s3://exports/{uuid4()}/data [1] 5%20/{name}"
        path = self.path(uri)
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
        return replace(JobInput(uri=uri, bytes=len(content)), **told)

    def path(self, uri: str) -> Path:
        return self._folder / uri.removeprefix("s3://")

    def request(self, *inputs: JobInput, **options: Any) -> JobRequest:
        name = uuid4()
        usual = JobRequest(
            inputs=inputs, target=f"s3://lake/{name}/", result=f"s3://lake/{name}.json", keys=("pk",), limits=_LIMITS
        )
        return replace(usual, **options)

    def run(self, request: JobRequest) -> Converted:
        """The job's result, from its result file, read as the pipeline reads it."""
        from rds_lake.convert.spark.files import Files
        from rds_lake.convert.spark.job import run

        try:
            run(Files(self._spark, str(self._folder)), request)
        except ConversionError as raised:
            with pytest.raises(ConversionError) as told:
                self._answer(request)
            assert str(told.value) == str(raised)
            raise
        return self._answer(request)

    def _answer(self, request: JobRequest) -> Converted:
        return parse_result(self.path(request.result).read_text(), where=request.result).converted

    def convert(self, parts: Sequence[Sequence[Item]], **options: Any) -> tuple[Converted, pa.Table]:
        inputs = [self.file(lines_of(items), f"{n} é.json.gz", items=len(items)) for n, items in enumerate(parts)]
        request = self.request(*inputs, **options)
        found = self.run(request)
        tables = [pq.ParquetFile(self.path(request.target) / file.name).read() for file in found.files]
        assert [(table.num_rows, (self.path(request.target) / file.name).stat().st_size)
                for table, file in zip(tables, found.files, strict=True)] == [
                    (file.rows, file.bytes) for file in found.files]  # fmt: skip
        return found, pa.concat_tables(tables) if tables else pa.table({})


@pytest.fixture(scope="module")
def lake(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return Lake(spark, tmp_path_factory.mktemp("s3"))


def lines_of(items: Sequence[Item]) -> bytes:
    return compress("".join(json.dumps({"Item": item}, ensure_ascii=False) + "\n" for item in items).encode())


def comparable(value: Any) -> Any:
    """JSON text as what it says: engines may write its keys in another order."""
    if isinstance(value, dict):
        return {name: comparable(one) for name, one in value.items()}
    if isinstance(value, list):
        return [comparable(one) for one in value]
    if isinstance(value, str) and value[:1] in ('"', "{", "["):
        try:
            return json.loads(value, parse_int=Decimal, parse_float=Decimal)
        except ValueError:
            return value
    return value


def assert_engines_agree(lake: Lake, parts: list[list[Item]], **options: Any) -> None:
    mine, table = lake.convert(parts, **options)
    theirs, other = convert(parts, **{"keys": ("pk",), "limits": _LIMITS} | options)
    items = [item for part in parts for item in part]
    assert not differences(items, table, mine)
    assert replace(mine, files=(), again=0) == replace(theirs, files=(), again=0)
    if items:
        assert table.schema.equals(other.schema)
        rows = {row["pk"]: comparable(row) for row in table.to_pylist()}
        assert rows == {row["pk"]: comparable(row) for row in other.to_pylist()}


def test_an_attribute_whose_type_is_longer_than_glue_takes_is_text_for_both(lake: Lake) -> None:
    items: list[Item] = [{"pk": {"S": "1"}, "byId": wide(100)}, {"pk": {"S": "2"}, "byId": wide(1), "n": {"N": "1"}}]
    assert_engines_agree(lake, [items], limits=Limits())


ODD: list[list[Item]] = [
    [
        {"pk": {"S": "0"}, "Name": {"S": "x"}, "name": {"N": "1"}, "a.b": {"BOOL": True}, "select": {"NULL": True}},
        {"pk": {"S": "1"}, "n": {"N": "1.5"}, "big": {"N": "1" * 30}, "huge": {"N": "1E125"}, "i": {"N": "1E+2"}},
        {"pk": {"S": "2"}, "n": {"N": "9" * 34}, "big": {"N": "0.0000000001"}, "bin": {"B": "aGk="}, "bs": {"BS": ["aA=="]}},
        {"pk": {"S": "3"}, "m": {"M": {"x": {"L": [{"N": "1"}, {"S": "1"}, {"NULL": True}]}, "😀": {"SS": ["é"]}}}},
    ],
    [],
    [
        {"pk": {"S": "8"}, "mix": {"N": "1E2"}, "list": {"L": [{"S": "x"}, {"N": "1.50"}, {"N": "+.5"}, {"N": "1E37"}]}},
        {"pk": {"S": "4"}, "m": {"M": {}}, "mix": {"S": "ab\u2028\"\\"}, "deep": {"L": [{"L": [{"L": [{"L": []}]}]}]}},
        {"pk": {"S": "5"}, "m": {"NULL": True}, "mix": {"M": {"k": {"NULL": True}, "n": {"NS": ["1", "-0.50"]}}}},
        {"pk": {"S": "6"}, "ids": {"M": {str(n): {"N": str(n)} for n in range(9)}}, "mix": {"NULL": True}, "e": {"M": {}}},
        {"pk": {"S": "7"}, "i": {"N": "-9223372036854775808"}, "ns": {"NS": ["1", "2.25"]}, "empty": {"S": ""}, "l": {"L": []}},
    ],
]  # fmt: skip


@given(parts=files())
@example(parts=ODD)
@settings(
    max_examples=3,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # shrinking would start hundreds of jobs
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
def test_the_job_gives_the_columns_and_values_of_the_local_engine(lake: Lake, parts: list[list[Item]]) -> None:
    assert_engines_agree(lake, parts)


def test_columns_of_an_earlier_date_and_doubles_are_the_same_too(lake: Lake) -> None:
    earlier, _ = convert(ODD, keys=("pk",), limits=_LIMITS)
    assert_engines_agree(lake, [[{"pk": {"S": "9"}, "n": {"N": "1.5"}}]], known=earlier.schema, numbers="double")


def test_both_keep_the_name_that_an_earlier_date_gave(lake: Lake) -> None:
    earlier, _ = convert([[{"pk": {"S": "1"}, "status": {"S": "old"}, "m": {"M": {"x": {"N": "1"}}}}]], keys=("pk",))
    item: Item = {"pk": {"S": "1"}, "Status": {"S": "typo"}, "m": {"M": {"X": {"N": "2"}}}}
    mine, table = lake.convert([[item]], known=earlier.schema)
    theirs, other = convert([[item]], keys=("pk",), limits=_LIMITS, known=earlier.schema)
    assert replace(mine, files=(), again=0) == replace(theirs, files=(), again=0)
    assert {column.original for column in mine.columns if column.name == "status"} == {"status"}
    assert [comparable(row) for row in table.to_pylist()] == [comparable(row) for row in other.to_pylist()]


def test_what_is_wrong_with_the_files_is_reported_by_file_and_line(lake: Lake) -> None:
    good = lines_of([{"pk": {"S": "1"}}])
    bad = compress(b'{"Item":{"pk":{"S":"1"}}}\n{"Item":{"pk":{"X":"1"}}}\n{"Item":\n{"Item":{"b":{"B":"a"}}}\n')
    first, second = lake.file(good, items=1), lake.file(bad, items=4)
    with pytest.raises(ConversionError) as told:
        lake.run(lake.request(first, second))
    problems = told.value.problems
    assert [problem.partition(": ")[0] for problem in problems] == [f"{second.uri}, line {n}" for n in (2, 3, 4)]
    assert not lake.path(lake.request(first).target).exists()


def test_files_that_are_not_those_of_the_manifest_are_named(lake: Lake) -> None:
    good = lines_of([{"pk": {"S": "1"}}])
    gone = JobInput(uri="s3://exports/nowhere/gone.json.gz")
    larger, swapped, fewer = lake.file(good, bytes=7), lake.file(good, md5="x" * 22 + "=="), lake.file(good, items=2)
    said = {
        (gone.uri, larger.uri): ("the file is missing", "the manifest says 7"),
        (swapped.uri,): ("its MD5 is",),
        (fewer.uri,): ("it has 1 items, the manifest says 2",),
    }
    by_uri = {one.uri: one for one in (gone, larger, swapped, fewer)}
    for uris, words in said.items():
        with pytest.raises(ConversionError) as told:
            lake.run(lake.request(*(by_uri[uri] for uri in uris)))
        assert len(told.value.problems) == len(uris)
        for uri, word, problem in zip(uris, words, told.value.problems, strict=True):
            assert problem.startswith(uri) and word in problem


def test_a_truncated_file_is_named(lake: Lake) -> None:
    whole = lines_of([{"pk": {"S": str(n)}} for n in range(5000)])
    good, cut = lake.file(whole), lake.file(whole[:-30])
    with pytest.raises(ConversionError) as told:
        lake.run(lake.request(good, cut))
    (problem,) = told.value.problems
    assert problem.startswith(f"{cut.uri}: it cannot be read")


def test_an_empty_table_has_a_result_and_no_files(lake: Lake) -> None:
    found, _ = lake.convert([[]])
    assert (found.items, found.files, found.columns) == (0, (), ())
    assert lake.convert([])[0].items == 0


def test_orc_has_the_same_rows(lake: Lake) -> None:
    import pyarrow.orc

    request = lake.request(lake.file(lines_of(ODD[0])), format="orc")
    (file,) = lake.run(request).files
    table = pyarrow.orc.read_table(lake.path(request.target) / file.name)
    _, other = convert(ODD[:1], keys=("pk",), limits=_LIMITS)
    assert comparable(table.to_pylist()) == comparable(other.to_pylist())
