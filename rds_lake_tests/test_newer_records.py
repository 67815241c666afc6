"""What a newer release wrote is never taken for damaged: the remedy of that is to delete it."""

import ast
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rds_lake.errors import ConfigError, NewerRecordError
from rds_lake.model.lake.date_diff import parse_date_diff
from rds_lake.model.lake.diff_views import parse_diff_views
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.streams.alarm import parse_alarms
from rds_lake.model.streams.captured import parse_captured
from rds_lake.model.streams.collected import parse_collected
from rds_lake.model.streams.compacted import parse_compacted
from rds_lake.model.streams.cut import parse_cut
from rds_lake.model.streams.drift import parse_drift_record
from rds_lake.model.streams.forwarded import parse_forwarded
from rds_lake.model.streams.shown import parse_shown
from rds_lake.model.tables.described import Described, parse_described
from rds_lake.model.warehouse.lease import parse_lease
from rds_lake.model.warehouse.orders import parse_order
from rds_lake.model.warehouse.result import parse_published
from rds_lake.stages.checks.described import keep_described
from rds_lake.stages.dynamodb.scanning.segments import Segment, parse_segment, render_segment
from rds_lake.stages.streams.compaction.in_use import using_changes
from rds_lake.stages.warehouse.records import close_run, find_run, open_runs

PACKAGE = Path(__file__).parent.parent / "rds_lake"
NEWER = '{"version": 77, "entries": {}, "runs": ["a"]}'
SEGMENT = Segment(number=2, total=4, files=[{"dataFileS3Key": "k"}], after={"id": {"S": "x"}})


def _lake(text: str) -> Any:
    """Of one object, which nobody can write: an attempt is an AttributeError."""
    s3 = SimpleNamespace(find_text=lambda *_: text, find_version=lambda *_, **__: (text, "etag"))
    return SimpleNamespace(s3=s3, layout=LakeLayout(bucket="b", prefix=""), kms_key=None)


def _compact(text: str) -> None:
    with using_changes(_lake(text), "shop", "turn", log=lambda _: None, now=lambda: datetime(2026, 11, 29, tzinfo=UTC)):
        pass


# By the file that reads it; those of `test_records.py` are named there.
READERS: dict[str, Callable[[str], Any]] = {
    "model/lake/date_diff.py": lambda text: parse_date_diff(text, where="s3://b/k"),
    "model/lake/diff_views.py": lambda text: parse_diff_views(text, where="s3://b/k"),
    "model/streams/alarm.py": lambda text: parse_alarms(text, where="s3://b/k"),
    "model/streams/captured.py": lambda text: parse_captured(text, where="s3://b/k"),
    "model/streams/collected.py": lambda text: parse_collected(text, where="s3://b/k"),
    "model/streams/compacted.py": lambda text: parse_compacted(text, where="s3://b/k"),
    "model/streams/cut.py": lambda text: parse_cut(text, where="s3://b/k"),
    "model/streams/drift.py": lambda text: parse_drift_record(text, where="s3://b/k"),
    "model/streams/forwarded.py": lambda text: parse_forwarded(text, where="s3://b/k"),
    "model/streams/shown.py": lambda text: parse_shown(text, where="s3://b/k"),
    "model/tables/described.py": lambda text: parse_described(text, where="s3://b/k"),
    "model/tables/described.py: written over": lambda text: keep_described(
        _lake(text), "shop", Described(), not_described=()
    ),
    "model/warehouse/lease.py": lambda text: parse_lease(text, where="s3://b/k"),
    "model/warehouse/orders.py": lambda text: parse_order(text, where="s3://b/k"),
    "model/warehouse/result.py": lambda text: parse_published(text, where="s3://b/k"),
    "stages/dynamodb/scanning/segments.py": lambda text: parse_segment(text, "etag", where="s3://b/k"),
    "stages/lake/in_use.py:changes": _compact,
    "stages/warehouse/records.py": lambda text: find_run(_lake(text), "w", "a"),
    "stages/warehouse/records.py: open runs": lambda text: open_runs(_lake(text), "w"),
    "stages/warehouse/records.py: an end": lambda text: close_run(_lake(text), "w", "a"),
}
ELSEWHERE = {
    "convert/spark/request.py",
    "defs/components/state.py",
    "model/dynamodb/export_set.py",
    "model/dynamodb/glue_runs.py",
    "model/lake/manifest_json.py",
    "stages/dynamodb/records.py",
    "stages/lake/known_tables.py",
    "stages/lake/pointer.py",
}


@pytest.mark.parametrize("name", READERS)
def test_a_record_of_a_newer_release_is_left_as_it_is(name: str) -> None:
    with pytest.raises(NewerRecordError, match="update rds-lake"):
        READERS[name](NEWER)


def test_every_record_that_is_read_is_one_of_these() -> None:
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("read_record", "load_record")
    } - {"model/records.py"}
    assert found == ELSEWHERE | {name.partition(":")[0] for name in READERS}


def test_the_checkpoint_of_a_scan_that_the_last_release_began_is_gone_on_with() -> None:
    text = render_segment(SEGMENT)
    assert parse_segment(text, "e", where="s3://b/k").after == SEGMENT.after
    last_releases = text.replace('"version": 1, ', "")
    assert last_releases != text
    assert parse_segment(last_releases, "e", where="s3://b/k") == parse_segment(text, "e", where="s3://b/k")


def test_the_state_of_dgs_component_of_a_newer_release_is_a_sentence(tmp_path: Path) -> None:
    from rds_lake.defs.components.state import read_state

    (tmp_path / "state.json").write_text(NEWER, encoding="utf-8")
    with pytest.raises(ConfigError, match="update rds-lake"):
        read_state(tmp_path / "state.json")
