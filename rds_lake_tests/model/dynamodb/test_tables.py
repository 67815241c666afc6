"""DynamoDB's manifests, names and events, as AWS writes them and as anything else."""

import json
import time
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.errors import MalformedExportError, ManifestError
from rds_lake.model.dynamodb.chain import Base, Chain, windows_between
from rds_lake.model.dynamodb.export_set import BegunSet, parse_begun, render_begun
from rds_lake.model.dynamodb.manifest import parse_files, parse_summary
from rds_lake.model.dynamodb.tables import client_token, set_prefix, source_and_date, started_after, table_name
from rds_lake.model.events.kinds import TableExportWritten
from rds_lake.model.events.parse import parse_events
from rds_lake.model.lake.manifest_json import parse_export_record, render_export_record
from rds_lake.model.lake.record import ExportPart, ExportRecord, ExportStep
from rds_lake.model.tables.names import assign_names
from rds_lake.model.tables.table import dynamodb_table

DAY = date(2026, 11, 20)
MOMENT = datetime(2026, 11, 20, tzinfo=UTC)
ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/Reviews"
MD5 = "sQMSpEILNgoQmarvDFonGQ=="


@pytest.mark.parametrize(
    ("name", "key", "items"),
    [
        (
            "manifest-summary.full.2020-06-30.json",
            "2020-Nov/AWSDynamoDB/01345678901234-abc12345/manifest-files.json",
            8,
        ),
        (
            "manifest-summary.incremental.2023-08-01.json",
            "20230919-prefix/AWSDynamoDB/01693685934212-ac809da5/manifest-files.json",
            169928274,
        ),
    ],
)
def test_both_versions_of_a_summary_are_read_with_and_without_prefix(
    samples: Path, name: str, key: str, items: int
) -> None:
    summary = parse_summary((samples / "dynamodb-export" / name).read_text(encoding="utf-8"), where=name)
    assert (summary.files_key, summary.items) == (key, items)
    assert summary.incremental == ("incremental" in name)
    assert (summary.export_time is None) == summary.incremental


def test_the_sample_of_a_file_list_is_read(samples: Path) -> None:
    text = json.dumps(json.loads((samples / "dynamodb-export/manifest-files.line.json").read_text(encoding="utf-8")))
    (file,) = parse_files(text + "\n", prefix="2020-Nov", where="x")
    assert file.key == "2020-Nov/AWSDynamoDB/11111111111111-22222222/data/33334444EXAMPLE.json.gz"
    assert (file.items, file.md5) == (8, MD5)


@given(prefix=st.sampled_from(["", "a", "a/b", "AWSDynamoDB", "AWSDynamoDB/x"]), stated=st.booleans())
def test_a_key_names_the_same_object_with_and_without_prefix(prefix: str, stated: bool) -> None:
    whole = "/".join(part for part in (prefix, "AWSDynamoDB/1-2/data/x.json.gz") if part)
    key = whole if stated else "AWSDynamoDB/1-2/data/x.json.gz"
    line = json.dumps({"itemCount": 1, "md5Checksum": MD5, "dataFileS3Key": key})
    assert parse_files(line, prefix=prefix, where="x")[0].key == whole


@given(st.one_of(st.text(), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps)))
def test_no_text_breaks_a_parser(text: str) -> None:
    for parse in (
        lambda: parse_summary(text, where="x"),
        lambda: parse_files(text, prefix="p", where="x"),
        lambda: parse_begun(text, where="x"),
    ):
        try:
            parse()
        except (MalformedExportError, ManifestError) as error:
            assert str(error)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(data=st.data())
def test_a_manifest_with_one_wrong_value_is_refused_or_read(data: st.DataObject, samples: Path) -> None:
    body = json.loads((samples / "dynamodb-export/manifest-summary.full.2020-06-30.json").read_text(encoding="utf-8"))
    body[data.draw(st.sampled_from(sorted(body)))] = data.draw(json_values)
    try:
        assert parse_summary(json.dumps(body), where="summary").items >= 0
    except MalformedExportError as error:
        assert "summary" in str(error)


def test_every_bad_line_of_a_file_list_is_named() -> None:
    good = json.dumps({"itemCount": 1, "md5Checksum": MD5, "dataFileS3Key": "AWSDynamoDB/1/data/a"})
    bad = json.dumps({"itemCount": -1, "md5Checksum": MD5, "dataFileS3Key": "AWSDynamoDB/1/data/b"})
    with pytest.raises(MalformedExportError) as caught:
        parse_files("\n".join([good, "{", bad, good]), prefix="p", where="manifest-files.json")
    assert [word in str(caught.value) for word in ("line 2", "line 3: itemCount", "is listed twice")] == [True] * 3


def test_a_list_of_many_files_is_read_as_fast_as_it_is_long() -> None:
    lines = [
        json.dumps({"itemCount": 1, "md5Checksum": MD5, "dataFileS3Key": f"AWSDynamoDB/0-a/data/{number}.json.gz"})
        for number in range(20_000)
    ]
    began = time.process_time()
    assert len(parse_files("\n".join(lines), prefix="p", where="x")) == 20_000
    assert time.process_time() - began < 3, "each file is compared with each other one"


def test_the_folder_of_a_manifest_names_its_source_and_date() -> None:
    key = f"{set_prefix('exports', 'reviews', DAY)}/AWSDynamoDB/01763596800123-0a1b2c3d/manifest-files.json"
    event = {"source": "aws.s3", "detail-type": "Object Created", "detail": {"object": {"key": key}}}
    found = TableExportWritten(source="reviews", snapshot_date=DAY, export_id="01763596800123-0a1b2c3d")
    assert parse_events(json.dumps(event)) == (found,)
    record = {"Records": [{"eventName": "ObjectCreated:Put", "s3": {"object": {"key": key}}}]}
    assert parse_events(json.dumps(record)) == (found,)


@pytest.mark.parametrize("folder", ["Reviews/", "reviews-2026-13-40", "shop-prod-2026-11-20-05-06-3f9c2d71ab04-1", ""])
def test_a_folder_of_somebody_else_is_none_of_ours(folder: str) -> None:
    assert source_and_date(folder) is None


def test_a_token_differs_with_everything_that_makes_another_export() -> None:
    base = {"table_arn": ARN, "moment": MOMENT, "bucket": "b", "prefix": "p", "attempt": 1}
    others: list[dict[str, object]] = [
        {"table_arn": ARN + "2"}, {"moment": MOMENT.replace(day=21)}, {"bucket": "c"}, {"prefix": "q"}, {"attempt": 2},
    ]  # fmt: skip
    tokens = {client_token(**(base | other)) for other in [{}, *others]}  # type: ignore[arg-type]
    assert len(tokens) == len(others) + 1
    assert client_token(**base) in tokens  # type: ignore[arg-type]


def test_exports_that_began_before_the_moment_need_no_look() -> None:
    assert not started_after(f"{ARN}/export/01763510400000-0a1b2c3d", MOMENT)
    assert started_after(f"{ARN}/export/0{int(MOMENT.timestamp() * 1000)}-0a1b2c3d", MOMENT)
    assert started_after(f"{ARN}/export/unheard-of", MOMENT)


@given(st.dictionaries(st.text(min_size=1), st.none() | st.text(min_size=1)))
def test_the_record_of_a_date_reads_back_as_written(tables: dict[str, str | None]) -> None:
    begun = BegunSet(moment=MOMENT, tables=tables)
    assert parse_begun(render_begun(begun), where="x") == begun


instants = st.timedeltas(timedelta(), timedelta(days=999)).map(lambda since: MOMENT + since)


@given(instants, st.timedeltas(timedelta(), timedelta(days=40)))
def test_windows_meet_end_to_end_and_are_such_as_dynamodb_exports(start: datetime, length: timedelta) -> None:
    windows = windows_between(start, start + length)
    assert bool(windows) == (length >= timedelta(minutes=15))
    if windows:
        assert (windows[0].start, windows[-1].end) == (start, start + length)
    assert all(one.end == two.start for one, two in pairwise(windows))
    assert all(timedelta(minutes=15) <= one.end - one.start <= timedelta(hours=24) for one in windows)


@given(instants, st.integers(1, 9), st.text(min_size=1), st.none() | st.text(min_size=1))
def test_a_chain_reads_back_as_written_in_the_record_and_in_the_manifest(
    start: datetime, days: int, name: str, arn: str | None
) -> None:
    base = Base(day=DAY, export_task="reviews-1", moment=start, keys=("pk", name))
    windows = windows_between(start, start + timedelta(days=days))
    chain = Chain(base=base, windows=windows, exports=(arn,) * len(windows))
    begun = BegunSet(moment=MOMENT, tables={"full": arn}, chains={name: chain}, full_because={"full": name})
    assert parse_begun(render_begun(begun), where="x") == begun
    steps = tuple(
        ExportStep(window=one, export_arn="arn", folder="f/", manifest_key="k", items=number)
        for number, one in enumerate(windows)
    )
    part = ExportPart(
        table=name, export_arn="arn", folder="f/", manifest_key="k", items=0, base=base, steps=steps, table_id=name
    )
    full = ExportPart(table="full", export_arn="arn", folder="f/", manifest_key="k", items=0, full_because=name)
    record = ExportRecord(
        source="reviews", snapshot_date=DAY, snapshot_arn="x", snapshot_time=MOMENT, export_task="t", bucket="b",
        folder="f/", parts=(part, full),
    )  # fmt: skip
    assert parse_export_record(render_export_record(record), where="x") == record


def test_a_table_keeps_its_name_in_athena() -> None:
    targets = [dynamodb_table(name) for name in ("Held-Out.Items", "Users")]
    names = assign_names([(target, ["id"]) for target in targets], default_schema=None, rename={})
    assert [table.view for table in names] == ["held_out_items", "users"]
    assert table_name(f"{ARN}/export/1") == "Reviews"
