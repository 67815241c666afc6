"""Footers: rows and Hive types by ranged reads, and what is not a Parquet file."""

import decimal
import struct
from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import MalformedExportError
from rds_lake.stages.databases.footers import TAIL_BYTES, Footer, parse_footer, read_footer
from rds_lake_tests.support.builders import orders, parquet
from rds_lake_tests.support.faults import Faults


def footer_of(s3: S3Gateway, body: bytes) -> Footer:
    s3.put_bytes("acme-lake", "file.parquet", body, kms_key=None)
    return read_footer(s3, "acme-lake", "file.parquet")


MOMENT = datetime(2026, 11, 20, 5, 6, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "value", "hive_type"),
    [
        (pa.int8(), 1, "tinyint"),
        (pa.int16(), 1, "smallint"),
        (pa.int32(), 1, "int"),
        (pa.int64(), 1, "bigint"),
        (pa.uint8(), 1, "smallint"),
        (pa.uint16(), 1, "int"),
        (pa.float32(), 1.0, "float"),
        (pa.float64(), 1.0, "double"),
        (pa.bool_(), True, "boolean"),
        (pa.string(), "x", "string"),
        (pa.binary(), b"x", "binary"),
        (pa.binary(9), b"123456789", "binary"),
        (pa.date32(), date(2026, 1, 1), "date"),
        (pa.timestamp("us"), datetime(2026, 1, 1), "timestamp"),  # noqa: DTZ001
        (pa.timestamp("ms", tz="UTC"), MOMENT, "timestamp"),
        (pa.decimal128(9, 2), decimal.Decimal("1.25"), "decimal(9,2)"),
        (pa.decimal128(20, 0), decimal.Decimal(1), "decimal(20,0)"),
        (pa.decimal128(38, 10), decimal.Decimal(1), "decimal(38,10)"),
    ],
    ids=str,
)
def test_every_physical_type_has_its_hive_type(s3: S3Gateway, kind: Any, value: Any, hive_type: str) -> None:
    table = pa.table({"v": pa.array([value, None], kind)})
    assert footer_of(s3, parquet(table)) == Footer(rows=2, columns=(("v", hive_type),))


def test_sparks_int96_is_a_timestamp(s3: S3Gateway) -> None:
    table = pa.table({"v": pa.array([datetime(2026, 1, 1)], pa.timestamp("ns"))})  # noqa: DTZ001
    body = parquet(table, use_deprecated_int96_timestamps=True)
    assert footer_of(s3, body).columns == (("v", "timestamp"),)


def test_names_keep_their_spelling_and_order(s3: S3Gateway) -> None:
    names = ["OrderID", "select", "größe", "a.b", 'say "hi"', ""]
    table = pa.table([pa.array([1], pa.int64())] * len(names), names=names)
    assert [name for name, _ in footer_of(s3, parquet(table)).columns] == names


def test_a_table_of_no_rows_has_columns(s3: S3Gateway) -> None:
    assert footer_of(s3, parquet(orders(1, 0))) == Footer(rows=0, columns=(("id", "bigint"), ("note", "string")))


def test_only_the_end_of_a_file_is_read(s3: S3Gateway, clients: AwsClients) -> None:
    table = pa.table({"id": pa.array(range(100_000), pa.int64())})
    faults = Faults(clients.s3)
    assert footer_of(s3, parquet(table, compression="none", use_dictionary=False)).rows == 100_000
    assert faults.count("GetObject") == 1


def test_a_footer_longer_than_the_first_read_costs_a_second(s3: S3Gateway, clients: AwsClients) -> None:
    names = [f"a_rather_long_column_name_number_{number}" for number in range(1500)]
    body = parquet(pa.table([pa.array([1], pa.int64())] * len(names), names=names))
    (length,) = struct.unpack("<I", body[-8:-4])
    assert length > TAIL_BYTES
    faults = Faults(clients.s3)
    assert len(footer_of(s3, body).columns) == 1500
    assert faults.count("GetObject") == 2


def test_nested_columns_are_refused_by_name(s3: S3Gateway) -> None:
    with pytest.raises(MalformedExportError, match=r"column tags.* is nested"):
        footer_of(s3, parquet(pa.table({"tags": pa.array([["a"]])})))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "does not end with PAR1"),
        (b"PAR1", "does not end with PAR1"),
        (b"id,note\n1,x\n", "does not end with PAR1"),
        (parquet(orders(1, 3))[:-10], "does not end with PAR1"),
        (b"x" * 100 + struct.pack("<I", 50) + b"PAR1", "cannot be read"),
        (b"x" * 100 + struct.pack("<I", 5000) + b"PAR1", "cannot be read"),
        (b"x" * 100 + struct.pack("<I", 2**32 - 1) + b"PAR1", "its footer claims to be 4,294,967,295 bytes"),
        (parquet(pa.table({"abcdefgh": [1]})).replace(b"abcdefgh", b"ab\xff\xfeefgh"), "cannot be read: 'utf-8' codec"),
    ],
    ids=["empty", "magic", "text", "cut", "noise", "longer than the file", "four gigabytes", "a name that is no text"],
)
def test_what_is_no_parquet_is_named(s3: S3Gateway, body: bytes, words: str) -> None:
    with pytest.raises(MalformedExportError, match=words) as caught:
        footer_of(s3, body)
    assert "s3://acme-lake/file.parquet" in str(caught.value)


WHOLE = parquet(pa.table({"id": [1, 2], "total": pa.array(["1.5", None])}))


@given(st.lists(st.tuples(st.integers(1, len(WHOLE)), st.integers(0, 255)), min_size=1, max_size=4))
def test_a_footer_of_any_bytes_is_read_or_named(changes: list[tuple[int, int]]) -> None:
    """An error of another kind would end the relocation of all files, and name none."""
    body = bytearray(WHOLE)
    for at, byte in changes:
        body[-at] = byte
    try:
        found = parse_footer(bytes(body), "s3://acme-lake/file.parquet")
    except MalformedExportError as error:
        assert "s3://acme-lake/file.parquet" in str(error)
    else:
        assert found.rows >= 0
