"""docs/terminal.md shows what the terminal says: its lines are typed once more, with the package out of its wheel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.environment import environment
from rds_lake_tests.demo.wheel import Installed
from rds_lake_tests.docs.recorded.recordings import PAGE, Typed, recorded, rewritten, stable
from rds_lake_tests.docs.terminal import Desk, Terminal
from rds_lake_tests.support.world import seed_tiny

_INSTALL = ("python3 -m venv .venv && . .venv/bin/activate", "pip install --quiet 'rds-lake[local]'")
# With this variable the page is written anew instead of compared.
_RECORD = "RDS_LAKE_RECORD"


@pytest.fixture
def terminal(installed: Installed, cloud: LocalCloud, tiny_url: str, tmp_path: Path) -> Iterator[Terminal]:
    """In an empty folder, in an account that is the local cloud, with one database."""
    seed_tiny(tiny_url)
    folder = tmp_path / "home"
    folder.mkdir()
    path = f"{installed.python.parent}{os.pathsep}{os.environ['PATH']}"
    variables = {"PATH": path, "COLUMNS": "120", **environment(cloud.url)}
    desk = Desk(folder=folder, variables=variables, replaced={})
    yield desk.terminal()
    desk.close()


def test_what_a_recording_says_is_compared_without_what_changes() -> None:
    (block,) = recorded("```console\n$ a\n2026-11-29: done in 3.1 s\n$ b\n```\n")
    assert [typed.line for typed in block] == ["a", "b"]
    assert stable(block[0].said) == stable("2027-01-01: done   in 44 s\n\n")
    assert stable("3 rows") != stable("4 rows")


@pytest.mark.slow
@pytest.mark.exhaustive
def test_the_terminal_says_what_the_page_shows(
    root: Path, terminal: Terminal, cloud: LocalCloud, tmp_path: Path
) -> None:
    page = root / PAGE
    blocks = recorded(page.read_text(encoding="utf-8"))
    assert [typed.line for typed in blocks[0][:2]] == list(_INSTALL)  # what `installed` stands for
    seen: list[list[Typed]] = []
    for at, block in enumerate(blocks):
        if at == len(blocks) - 2:
            _break(cloud)
        seen.append([*block[:2]] if at == 0 else [])
        for typed in block[len(seen[-1]) :]:
            ((_, _, said),) = terminal.type(typed.line)
            seen[-1].append(Typed(line=typed.line, said=said.replace(str(tmp_path / "home"), "~")))
    if os.environ.get(_RECORD):
        page.write_text(rewritten(page.read_text(encoding="utf-8"), seen), encoding="utf-8")
    told = [(typed.line, stable(typed.said)) for block in seen for typed in block]
    shown = [(typed.line, stable(typed.said)) for block in blocks for typed in block]
    assert told == shown, f"{_RECORD}=1 writes {PAGE} anew"


def _break(cloud: LocalCloud) -> None:
    """Somebody switches off a rule."""
    events = boto3.client("events", endpoint_url=cloud.url)
    first = min(rule["Name"] for rule in events.list_rules()["Rules"])
    events.disable_rule(Name=first)
