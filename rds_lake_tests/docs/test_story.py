"""The pages for beginners, followed line by line by somebody who reads nothing else, with the package out of its wheel."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.ports import free_port
from rds_lake.localcloud.environment import environment
from rds_lake_tests.demo.wheel import Installed
from rds_lake_tests.docs.snippets import Block, of_page, shell_lines
from rds_lake_tests.docs.terminal import Desk, codes
from rds_lake_tests.support.world import answers, post, seed_tiny, until

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]
_INSTALL = ["python3 -m venv .venv && . .venv/bin/activate", "pip install 'rds-lake[local]'"]
Sit = Callable[..., Desk]


def within(seconds: float, since: float) -> None:
    """The time of an idle machine: where others work as well, as much longer as they take of it."""
    busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    assert time.monotonic() - since < seconds * busy


@pytest.fixture
def sit(installed: Installed, tmp_path: Path) -> Iterator[Sit]:
    """A desk in an empty folder, where the package is installed."""
    folder, desks = tmp_path / "home", list[Desk]()
    folder.mkdir()

    def down(replaced: dict[str, str], **variables: str) -> Desk:
        path = f"{installed.python.parent}{os.pathsep}{os.environ['PATH']}"
        desks.append(Desk(folder=folder, variables={"PATH": path, **variables}, replaced=replaced))
        return desks[-1]

    yield down
    for desk in desks:
        desk.close()


def test_three_commands_lead_from_an_empty_machine_to_athenas_answers(root: Path, sit: Sit) -> None:
    first = next(iter(of_page(root, "docs/try.md")))
    *install, demo = shell_lines([first.text])
    assert install == _INSTALL
    since = time.monotonic()
    ((_, code, said),) = sit({}).terminal().type(demo, seconds=500)
    assert code == 0, said
    assert "every count equals PostgreSQL's and DynamoDB's" in said
    within(120, since)


def test_a_database_of_ones_own_is_a_view_within_five_minutes(root: Path, sit: Sit, tiny_url: str) -> None:
    """`docs/try.md` from its second part on: three terminals."""
    seed_tiny(tiny_url)
    _, cloud, project, dagster, snapshot = of_page(root, "docs/try.md")
    port, ui = free_port(), free_port()
    desk = sit(
        {
            "shop-prod=postgresql://localhost/shop": f"'shop-prod={tiny_url}' --port {port}",
            "rds-lake local env": f"rds-lake local env --port {port}",
            "-w workspace.yaml": f"-w workspace.yaml -p {ui}",
        }
    )
    one, two, three = (desk.terminal() for _ in range(3))
    assert [number_of(block) for block in (cloud, project, dagster, snapshot)] == ["1", "2", "3", "2"]
    one.start(cloud.text)
    until(lambda: "local cloud ready" in one.said(), what="the cloud")
    since = time.monotonic()
    assert codes(two.type(project.text)) == {"rds-lake doctor": 1}, two.said()
    three.start(dagster.text)
    until(lambda: answers(f"http://127.0.0.1:{ui}/server_info"), what="Dagster's UI")
    typed = two.type(snapshot.text, seconds=400)
    assert codes(typed) == {}, two.said()
    assert "10" in typed[-1][2], "the answer: ten orders"
    within(300, since)


def number_of(block: Block) -> str:
    return block.text.splitlines()[0].removeprefix("# terminal ")


def test_the_account_page_leads_to_the_first_view_and_back(
    root: Path, sit: Sit, cloud: LocalCloud, tiny_url: str
) -> None:
    """In an account that is the local cloud, which takes the night's snapshot, and confirms an e-mail's subscription by itself."""
    seed_tiny(tiny_url)
    install, *blocks = of_page(root, "docs/account.md")
    assert list(shell_lines([install.text])) == _INSTALL
    ui = free_port()
    desk = sit({"-w workspace.yaml": f"-w workspace.yaml -p {ui}", "sleep 60": "sleep 2"}, **environment(cloud.url))
    mine, background = desk.terminal(), desk.terminal()
    failed = dict[str, int]()
    for block in blocks:
        if block.text.startswith("# a terminal of its own"):
            background.start(f"cd my-lake\n{block.text}")
            until(lambda: answers(f"http://127.0.0.1:{ui}/server_info"), what="Dagster's UI")
            assert post(f"{cloud.url}/_local/snapshots", {"database": "shop-prod", "type": "automated"})[0] == 200
        else:
            failed |= codes(mine.type(block.text, seconds=400))
    assert failed == {}, mine.said()
    for words in ("tables of", "10", "stays"):
        assert words in mine.said()
