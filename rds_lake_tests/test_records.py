"""Records that outlive a release: the last one's are read, a newer one's are left alone, and nonsense is refused with a sentence."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.config.lake_yaml import LakeConfig, load_config
from rds_lake.convert.spark.request import parse_request, parse_result, render_request, render_result
from rds_lake.defs.sensors.cursors import EventsCursor, ReconcileCursor, WarehouseCursor, read_cursor, render_cursor
from rds_lake.errors import ConfigError, ManifestError, RdsLakeError
from rds_lake.model.dynamodb.export_set import parse_begun, render_begun
from rds_lake.model.dynamodb.glue_runs import parse_job_set, render_job_set
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest_json import parse_export_record, parse_manifest, render_export_record, render_manifest
from rds_lake.model.lake.record import ExportPart, ExportRecord
from rds_lake.model.records import MOST_CONTAINERS, load_object
from rds_lake.stages.dynamodb.records import TableRecords
from rds_lake.stages.lake.known_tables import find_known_tables, save_known_tables, state_path
from rds_lake.stages.lake.pointer import PublishState, read_state

SAMPLES = Path(__file__).parent / "samples" / "release-0.1"
LAYOUT = LakeLayout(bucket="b", prefix="")


class OneObject:
    """boto3's client of S3 where every key has this text."""

    def __init__(self, text: str) -> None:
        self.body = text.encode(errors="surrogatepass")

    def get_object(self, **_: Any) -> dict[str, Any]:
        body = SimpleNamespace(read=lambda: self.body, close=lambda: None)
        return {"Body": body, "ETag": "1", "ContentLength": len(self.body)}

    def get_paginator(self, _: str) -> Any:
        """Of a listing that has every file of the record with its size, so that it counts as whole."""
        tables = json.loads(self.body)["tables"]
        files = [{"Key": file["key"], "Size": file["bytes"]} for table in tables for file in table["files"]]
        return SimpleNamespace(
            paginate=lambda Prefix, **_: [{"Contents": [f for f in files if f["Key"].startswith(Prefix)]}]
        )


def gateway(text: str) -> S3Gateway:
    return S3Gateway(OneObject(text))  # type: ignore[arg-type]


def pointer(text: str) -> PublishState:
    return read_state(gateway(text), LAYOUT, "shop")


def records(text: str) -> TableRecords:
    return TableRecords(s3=gateway(text), layout=LAYOUT, source="reviews", kms_key=None)


def finished(text: str) -> Any:
    record: ExportRecord = parse_export_record(sample("export.json"), where="s3://b/k")
    part = ExportPart(table="Reviews", export_arn="a", folder="f/", manifest_key="k", items=1)
    return records(text).find_finished(record, part)


def schema(text: str) -> Any:
    return records(text).find_schema("Reviews")


def sample(name: str) -> str:
    return (SAMPLES / name).read_text(encoding="utf-8")


Parse = Callable[[str], Any]
PARSERS: dict[str, Parse] = {
    "manifest.json": lambda text: parse_manifest(text, where="s3://b/k"),
    "manifest-in-place.json": lambda text: parse_manifest(text, where="s3://b/k"),
    "manifest-dynamodb.json": lambda text: parse_manifest(text, where="s3://b/k"),
    "manifest-dynamodb-chain.json": lambda text: parse_manifest(text, where="s3://b/k"),
    "export.json": lambda text: parse_export_record(text, where="s3://b/k"),
    "finished.table": finished,
    "finished-chain.table": finished,
    "schema.json": schema,
    "begun.json": lambda text: parse_begun(text, where="s3://b/k"),
    "begun-incremental.json": lambda text: parse_begun(text, where="s3://b/k"),
    "begun-incremental-chain.json": lambda text: parse_begun(text, where="s3://b/k"),
    "job.runs": lambda text: parse_job_set(text, where="s3://b/k"),
    "job.request": lambda text: parse_request(text),
    "job.result": lambda text: parse_result(text, where="s3://b/k"),
    "published.json": pointer,
    "published-moving.json": pointer,
}


def test_every_record_of_the_last_release_is_read_and_written_as_it_was() -> None:
    for name in ("manifest.json", "manifest-in-place.json", "manifest-dynamodb.json", "manifest-dynamodb-chain.json"):
        assert render_manifest(PARSERS[name](sample(name))).decode() == sample(name)
    assert render_export_record(PARSERS["export.json"](sample("export.json"))) == sample("export.json")
    for name in ("begun.json", "begun-incremental.json", "begun-incremental-chain.json"):
        assert render_begun(PARSERS[name](sample(name))) == sample(name)
    assert render_job_set(PARSERS["job.runs"](sample("job.runs"))) == sample("job.runs")
    assert render_request(PARSERS["job.request"](sample("job.request"))) == sample("job.request")
    assert render_result(PARSERS["job.result"](sample("job.result"))) == sample("job.result")
    for name in ("finished.table", "finished-chain.table"):
        assert PARSERS[name](sample(name)).target.table == "Reviews"
    published, moving = (pointer(sample(name)) for name in ("published.json", "published-moving.json"))
    assert published.pointer is not None
    assert published.pointer == moving.pointer
    assert (str(published.pointer.snapshot_date), len(published.pointer.views)) == ("2026-11-20", 3)
    assert moving.moving is not None
    assert (str(moving.moving.snapshot_date), moving.moving.views) == ("2026-11-21", ("orders",))
    assert schema(sample("schema.json")) == json.loads(sample("schema.json"))["schema"]


@pytest.mark.parametrize("name", PARSERS)
def test_a_record_of_a_newer_release_is_left_alone_and_nobody_is_told_to_delete_it(name: str) -> None:
    body = json.loads(sample(name)) | {"version": 77}
    with pytest.raises(ManifestError, match="has version 77, which a newer release of rds-lake wrote") as caught:
        PARSERS[name](json.dumps(body))
    assert "delete" not in str(caught.value)
    assert "update rds-lake" in str(caught.value)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place within a JSON value."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from places(inner, (*path, key))


def changed(body: Any, path: tuple[Any, ...], value: Any) -> str:
    found = inner = json.loads(json.dumps(body))
    for step in path[:-1]:
        inner = inner[step]
    if value is GONE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return json.dumps(found)


GONE = object()
NONSENSE = st.one_of(
    st.sampled_from(
        [GONE, None, True, 0, -1, 2**70, 1.5, float("nan"), "", "x", "\ud800", [], {}, [[]], [{}], {"a": 1}]
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)
    ),
)


@given(data=st.data())
def test_a_forged_record_is_read_or_refused_with_its_name_and_nothing_else_happens(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(PARSERS)))
    body = json.loads(sample(name))
    text = changed(body, data.draw(st.sampled_from(list(places(body)))), data.draw(NONSENSE))
    try:
        PARSERS[name](text)
    except ManifestError as error:
        assert str(error).startswith(("s3://b/", "the request of the Spark job"))


TEXTS = {
    "a list without end": "[" * 200_000,
    "objects without end": '{"a":' * 200_000,
    "a list where an object belongs": "[1]",
    "no JSON": "{nothing",
    "cut off": '{"version": 1, "export": {"source": "sh',
    "an empty object": "{}",
    "nothing": "",
    "no text": "\x00\x01\x02",
    "numbers that are none": '{"version": NaN}',
    "a number of 5,000 digits": '{"version": ' + "9" * 5000 + "}",
    "a version that is not a number": '{"version": "1"}',
    "a version that is a flag": '{"version": true}',
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
@pytest.mark.parametrize("name", PARSERS)
def test_a_record_that_is_none_is_named(name: str, text: str) -> None:
    with pytest.raises(ManifestError, match=r"(s3://b/|the request of the Spark job).* is damaged"):
        PARSERS[name](text)


def test_a_small_text_that_would_fill_the_memory_is_refused_before_it_is_read() -> None:
    with pytest.raises(ValueError, match="objects and lists, of which no record has more"):
        load_object('{"a": [' + "[]," * MOST_CONTAINERS + "[]]}")
    with pytest.raises(ManifestError, match="not a valid file entry"):
        PARSERS["manifest.json"]('{"version": 1, "tables": [{"files": [' + '{"key": 1},' * 1000 + '{"key": 1}]}]}')


def test_an_enormous_object_is_refused_unread() -> None:
    def read() -> bytes:
        raise AssertionError("it was read")

    answer = {"Body": SimpleNamespace(read=read, close=lambda: None), "ContentLength": 10**12, "ETag": "1"}
    s3 = S3Gateway(SimpleNamespace(get_object=lambda **_: answer))  # type: ignore[arg-type]
    for attempt in (lambda: s3.find_text("b", "k"), lambda: s3.get_text("b", "k"), lambda: s3.find_version("b", "k")):
        with pytest.raises(ManifestError, match=r"s3://b/k has 1,000,000,000,000 bytes.*it was not read"):
            attempt()


@pytest.fixture
def config(tmp_path: Path, root: Path) -> LakeConfig:
    (tmp_path / "lake.yaml").write_text((root / "lake.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    return load_config(tmp_path / "lake.yaml")


def test_the_table_list_of_the_last_release_is_read_and_a_newer_one_is_left_alone(config: LakeConfig) -> None:
    shop = config.source("shop")
    path = state_path(config, shop)
    path.parent.mkdir()
    path.write_text(sample("tables.json"), encoding="utf-8")
    tables = find_known_tables(config, shop)
    assert tables
    assert len(tables) == 3
    save_known_tables(config, shop, tables)
    assert find_known_tables(config, shop) == tables
    path.write_text(json.dumps(json.loads(sample("tables.json")) | {"version": 9}), encoding="utf-8")
    with pytest.raises(ConfigError, match="a newer release of rds-lake wrote"):
        find_known_tables(config, shop)


@given(data=st.data())
def test_a_damaged_table_list_is_a_sentence(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    body = json.loads(sample("tables.json"))
    damaged = changed(body, data.draw(st.sampled_from(list(places(body)))), data.draw(NONSENSE))
    text = data.draw(st.sampled_from([damaged, *TEXTS.values()]))
    folder = tmp_path_factory.mktemp("lake")
    (folder / "tables").mkdir()
    (folder / "tables" / "shop.json").write_text(text, encoding="utf-8", errors="surrogatepass")
    config: Any = SimpleNamespace(directory=folder)
    source: Any = SimpleNamespace(name="shop", included_tables=None)
    try:
        find_known_tables(config, source)
    except RdsLakeError as error:
        assert isinstance(error, ConfigError)
        assert "rds-lake" in str(error)


def cursor(kind: Any, text: str | None) -> tuple[Any, list[str]]:
    warnings: list[str] = []
    return read_cursor(kind, text, warnings.append), warnings


def test_the_cursors_of_the_last_release_are_read() -> None:
    events, warnings = cursor(EventsCursor, sample("cursor-events.json"))
    assert ([len(handle) > 100 for handle in events.acknowledge], len(events.asked), warnings) == ([True], 1, [])
    found, warnings = cursor(ReconcileCursor, sample("cursor-reconciliation.json"))
    assert (found.turn, found.following, warnings) == (1, "shop", [])
    (waiting,) = found.waiting
    assert (waiting.rank, str(waiting.snapshot_date), waiting.source) == (0, "2026-11-27", "shop")
    for one in (events, found):
        assert cursor(type(one), render_cursor(one)) == (one, [])


CURSORS = {
    **TEXTS,
    "another sensor's": '{"waiting": {}, "acknowledge": {}, "reported": {}}',
    "wrong types": '{"turn": "1", "following": 3, "waiting": [[]], "acknowledge": "abc", "asked": [1], "looked": true}',
    "half an export": '{"turn": 1, "following": "", "waiting": [{"rank": 0}], "acknowledge": [null], "missing": [null]}',
    "a date that is none": '{"turn": 1, "following": "", "waiting": [{"rank": 0, "snapshot_date": "2026-13-01", "source": "shop", '
    '"subject": "x"}], "asked": 7, "began": "2026-13-01T00:00:00Z"}',
    "text around it": 'old: {"turn": 1}',
}
del CURSORS["nothing"], CURSORS["an empty object"]


@pytest.mark.parametrize("text", CURSORS.values(), ids=CURSORS)
@pytest.mark.parametrize("kind", [EventsCursor, ReconcileCursor, WarehouseCursor])
def test_a_cursor_that_cannot_be_read_is_put_aside_with_a_warning(kind: Any, text: str) -> None:
    found, warnings = cursor(kind, text)
    assert found.__class__ is kind
    (warning,) = warnings
    assert "was discarded" in warning
    assert len(warning) < 1200, "a warning is read by a person"


@pytest.mark.parametrize("kind", [EventsCursor, ReconcileCursor, WarehouseCursor])
def test_the_cursor_of_a_newer_release_is_put_aside_as_such(kind: Any) -> None:
    _, (warning,) = cursor(kind, '{"version": 2, "acknowledge": "something new", "waiting": "something new"}')
    assert "a newer release of rds-lake wrote" in warning


def test_after_a_lost_cursor_exports_are_begun_by_keys_nobody_used_before() -> None:
    """Dagster starts no run for a key it has seen, also years ago: exports that wait would wait on."""
    for text in (None, "", "nonsense"):
        found, _ = cursor(ReconcileCursor, text)
        assert found.turn > 50 * 365 * 24 * 3600 / 30, "more ticks than there are in fifty years"
