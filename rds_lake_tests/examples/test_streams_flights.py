"""The example of routes, by both ways of capture: each new one is told of once, whatever else happens to the table."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb

TOLD = ["LX 14: ZRH to JFK, group Übersee", "LX 318: ZRH to LHR, group Europe"]


@pytest.fixture
def example(root: Path, mariadb: EmbeddedMariaDb, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The example's `run.py`; its modules have names of their own only within its folder."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(root / "examples" / "streams-flights"))
    yield importlib.import_module("run")
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(root / "examples")):
            del sys.modules[name]


def test_each_new_route_is_reported_once_by_lambda(example: Any) -> None:
    said: list[str] = []
    assert example.STORIES["lambda"](said.append) == TOLD
    assert [line for line in said if line.startswith("sensor")] == [
        "sensor: 2 inserted rows found, 2 runs started",
        "sensor: 0 inserted rows found, 0 runs started",
        "sensor: 2 inserted rows found, 0 runs started",
    ], "a cursor that is lost tells nobody anything again"


@pytest.mark.exhaustive
def test_each_new_route_is_reported_once_by_the_outbox_and_its_live_view_is_the_table(example: Any) -> None:
    said: list[str] = []
    assert example.STORIES["outbox"](said.append) == TOLD
    assert "sensor: 2 inserted rows found, 0 runs started" in said
    live = said.index("SELECT airline, flight, destination, fare, live_cut FROM routes_live ORDER BY 1, 2")
    assert said[live + 1 : live + 3] == ["    LX  1  GVA  99.00  NULL", "    LX  318  LHR  139.00  1"]
    assert "    LX  14  delete  612.00  NULL" in said
