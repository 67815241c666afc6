"""Snapshots, ARNs, the layout and the manifest."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.errors import ManifestError
from rds_lake.model.aws.arn import Exportable, exportable, parse_arn
from rds_lake.model.aws.snapshot import Snapshot, of_date, snapshot_date
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import AwsCopy, DataFile, Manifest, TableManifest
from rds_lake.model.lake.manifest_json import (
    parse_export_record,
    parse_head,
    parse_manifest,
    render_export_record,
    render_manifest,
)
from rds_lake.model.lake.record import ExportRecord
from rds_lake.model.tables.table import Column, TableTarget
from rds_lake_tests.support import strategies


def snapshot(created_at: datetime, *, status: str = "available", name: str = "s") -> Snapshot:
    return Snapshot(
        arn=f"arn:aws:rds:us-east-1:1:snapshot:{name}",
        identifier=name,
        source_identifier="shop",
        kind="automated",
        engine="postgres",
        created_at=created_at,
        status=status,
    )


def test_a_snapshot_belongs_to_the_utc_date_whatever_zone_its_time_is_given_in() -> None:
    tokyo = timezone(timedelta(hours=9))
    assert snapshot_date(datetime(2026, 11, 21, 3, 0, tzinfo=tokyo)) == date(2026, 11, 20)
    with pytest.raises(ValueError, match="naive"):
        snapshot_date(datetime(2026, 11, 21))  # noqa: DTZ001 - the point


def test_of_two_snapshots_a_day_the_newer_or_the_first_available_one_is_the_dates() -> None:
    early = snapshot(datetime(2026, 11, 20, 3, tzinfo=UTC), name="early")
    late = snapshot(datetime(2026, 11, 20, 23, tzinfo=UTC), name="late")
    unfinished = snapshot(datetime(2026, 11, 20, 23, 30, tzinfo=UTC), status="creating", name="unfinished")
    tomorrow = snapshot(datetime(2026, 11, 21, 1, tzinfo=UTC), name="tomorrow")
    given = [late, tomorrow, unfinished, early]
    assert of_date(given, date(2026, 11, 20), which="newest") == [late, early]
    assert of_date(given, date(2026, 11, 20), which="first") == [early, late]
    assert of_date([tomorrow], date(2026, 11, 20), which="newest") == []


def test_an_arn_keeps_its_partition() -> None:
    text = "arn:aws-cn:rds:cn-north-1:1:snapshot:rds:shop-2026-11-20-05-06"
    assert str(parse_arn(text)) == text
    assert exportable(text) == (Exportable.SNAPSHOT, "rds:shop-2026-11-20-05-06")


@given(st.text(max_size=60))
def test_any_text_as_arn_is_an_arn_or_a_value_error(text: str) -> None:
    try:
        assert str(parse_arn(text)) == text
    except ValueError:
        return


def test_the_layout_is_the_documented_one_and_an_empty_prefix_is_legal() -> None:
    folder = LakeLayout(bucket="acme-lake", prefix="lake").partition_folder(
        "shop", "shop/public.orders", date(2026, 11, 20), "task-1"
    )
    assert folder == "lake/shop/shop/public.orders/snapshot_date=2026-11-20/task-1/"
    bare = LakeLayout(bucket="acme-lake", prefix="")
    assert bare.manifest_key("shop", date(2026, 11, 20)) == "_manifests/shop/2026-11-20.json"
    assert bare.athena_results() == "s3://acme-lake/_athena/"


def test_changes_that_firehose_wrote_lie_in_the_hour_of_their_arrival_in_utc() -> None:
    layout = LakeLayout(bucket="acme-lake", prefix="lake")
    assert layout.arrived_folder("shop") == "lake/_changes/shop/arrived/"
    hour = datetime(2026, 11, 20, 3, 59, tzinfo=UTC)
    assert layout.arrived_hour_folder("shop", hour) == "lake/_changes/shop/arrived/2026/11/20/03/"
    assert layout.refused_folder("shop") == "lake/_changes/shop/refused/"
    for wrong in (hour.replace(tzinfo=None), hour.astimezone(timezone(timedelta(hours=2)))):
        with pytest.raises(ValueError, match="not in UTC"):
            layout.arrived_hour_folder("shop", wrong)


times = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
records = st.builds(
    ExportRecord,
    source=strategies.plain_names,
    snapshot_date=st.dates(),
    snapshot_arn=strategies.arns,
    snapshot_time=times,
    export_task=strategies.plain_names,
    bucket=strategies.plain_names,
    folder=st.text(max_size=10),
    started_at=st.none() | times,
    ended_at=st.none() | times,
)
columns = st.builds(
    Column,
    name=strategies.identifiers,
    hive_type=st.sampled_from(["string", "bigint", "decimal(20,0)"]),
    original_type=st.none() | st.text(max_size=10),
    num_precision=st.none() | st.integers(1, 1000),
)
files = st.builds(
    DataFile,
    key=st.text(max_size=20),
    bytes=st.integers(0, 2**50),
    rows=st.integers(0, 2**50),
    checksum=st.none() | st.just("CRC32:abcd"),
)
manifests = st.builds(
    Manifest,
    export=records,
    lake_bucket=strategies.plain_names,
    tables=st.lists(
        st.builds(
            TableManifest,
            target=strategies.targets,
            location=st.text(max_size=20),
            columns=st.lists(columns, max_size=3).map(tuple),
            files=st.lists(files, max_size=3).map(tuple),
            schema_notes=st.lists(st.text(max_size=10), max_size=2).map(tuple),
            home=st.text(max_size=10),
        ),
        max_size=3,
    ).map(tuple),
    in_place=st.booleans(),
    superseded=st.lists(
        st.builds(AwsCopy, bucket=strategies.plain_names, folder=st.text(max_size=5), export_task=st.text(max_size=5)),
        max_size=2,
    ).map(tuple),
)


@given(manifests)
def test_a_manifest_survives_being_written_and_read(manifest: Manifest) -> None:
    assert parse_manifest(render_manifest(manifest), where="x") == manifest
    record = manifest.export
    assert parse_export_record(render_export_record(record), where="x") == record


@given(manifests, st.integers(0, 4_000))
def test_the_head_of_a_manifest_is_read_without_its_files_from_any_piece_that_holds_it(
    manifest: Manifest, size: int
) -> None:
    text = render_manifest(manifest)
    bare = replace(manifest, tables=())
    assert parse_head(text, where="x", whole=True) == bare
    assert parse_head(text[:size], where="x", whole=False) in (bare, None)
    assert parse_head(text[: text.index(b'"tables": [') + 11], where="x", whole=False) == bare
    laid_out = json.dumps(json.loads(text), indent=1, sort_keys=True).encode()
    assert parse_head(laid_out, where="x", whole=True) == bare


@given(manifests)
def test_a_manifest_is_read_however_its_json_is_laid_out(manifest: Manifest) -> None:
    laid_out = json.dumps(json.loads(render_manifest(manifest)), indent=1, sort_keys=True)
    assert parse_manifest(laid_out, where="x") == manifest


@pytest.mark.parametrize(
    "file",
    [
        {"key": "k", "bytes": 1},
        {"key": "k", "bytes": "1", "rows": 1},
        {"key": "k", "bytes": -1, "rows": 1},
        {"key": "k", "bytes": 1, "rows": 1 << 64},
        {"key": None, "bytes": 1, "rows": 1},
        {"key": "k", "bytes": 1, "rows": 1, "checksum": 7},
        {"key": "k", "bytes": 1, "rows": 1, "color": "blue"},
        None,
        "k",
    ],
)
def test_a_manifest_with_a_file_that_makes_no_sense_is_damaged(file: Any) -> None:
    table = TableManifest(
        target=TableTarget(database="shop", schema="public", table="orders"),
        location="s3://lake/x/",
        columns=(),
        files=(DataFile(key="a", bytes=1, rows=1), DataFile(key="b", bytes=1, rows=1)),
    )
    at = datetime(2026, 11, 20, 3, tzinfo=UTC)
    record = ExportRecord(
        source="shop",
        snapshot_date=at.date(),
        snapshot_arn="arn:aws:rds:us-east-1:123456789012:snapshot:x",
        snapshot_time=at,
        export_task="task-1",
        bucket="exports",
        folder="task-1/",
    )
    whole = Manifest(export=record, lake_bucket="lake", tables=(table, table))
    body = json.loads(render_manifest(whole))
    body["tables"][0]["files"][1] = file
    with pytest.raises(ManifestError, match="is damaged"):
        parse_manifest(json.dumps(body), where="s3://b/k")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"version": 99}', '{"version": 1}', '{"version": 1, "export": {}}'])
def test_a_damaged_manifest_is_named_with_what_to_do(text: str) -> None:
    for parse in (parse_manifest, parse_export_record):
        with pytest.raises(ManifestError, match=r"s3://b/k .*again"):
            parse(text, where="s3://b/k")
