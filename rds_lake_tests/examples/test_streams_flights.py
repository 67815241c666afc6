"""The example of routes: each new one is told of once, whatever else happens to the table."""

import importlib.util
from pathlib import Path

import pytest

from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb


def test_each_new_route_is_told_of_once(root: Path, mariadb: EmbeddedMariaDb, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location(
        "streams_flights_run", root / "examples" / "streams-flights" / "run.py"
    )
    assert spec is not None and spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    said: list[str] = []
    messages = example.story(said.append)
    assert messages == ["LX 14: ZRH to JFK, group Übersee", "LX 318: ZRH to LHR, group Europe"]
    assert "sensor: 4 changes read, 2 new routes told" in said
    assert "sensor: 0 changes read, 0 new routes told" in said
