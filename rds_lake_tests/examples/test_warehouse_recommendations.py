"""The example of recommendations: a JSON is dropped, one CSV comes of it, and nothing is left in the account."""

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def example(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The example's `run.py`; its modules have names of their own only within its folder."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(root / "examples" / "warehouse-recommendations"))
    yield importlib.import_module("run")
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(root / "examples")):
            del sys.modules[name]


@pytest.mark.slow
def test_a_json_makes_one_csv_and_leaves_nothing(example: Any) -> None:
    said: list[str] = []
    assert example.story(said.append) == [
        "account,email,offer,title,saves",
        "1,ada@example.com,M,Medium: 8 GB,40.10",
        '1,ada@example.com,L,"Large, ""all in"": 50 GB",20.10',
        "2,grace@example.com,S,Small: 2 GB,20.00",
        "2,grace@example.com,M,Medium: 8 GB,10.00",
        "3,alan@example.com,S,Small: 2 GB,2.10",
    ]
    told = [line.strip() for line in said if line.strip().startswith("$.")]
    assert [line.partition(":")[0] for line in told] == [
        "$.tables[2].columns[0].type",
        "$.delete_stack",
        "$.tables[0].files[0]",
        "$.tables[1].schema",
    ], "all problems of a broken JSON, those of its text and those that lake.yaml and S3 know of"
    left = said[said.index("\nWhat is left of it in the account:") + 1 :]
    assert len(left) == 8
    assert all(line.endswith(": nothing") for line in left), left
