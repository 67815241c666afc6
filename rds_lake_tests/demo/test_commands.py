"""`make demo`, `make dev` and `rds-lake local up`, as processes: they work, and leave nothing running or behind."""

import json
import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

import psutil
import pytest

from rds_lake.localcloud.databases.ports import free_port
from rds_lake_tests.demo.outlived import not_outliving
from rds_lake_tests.demo.wheel import Installed
from rds_lake_tests.support.world import answers, post, until

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _of_the_wheel(installed: Installed, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commands are those of the wheel, in an environment without a checkout."""
    monkeypatch.setattr(f"{__name__}.RDS_LAKE", installed.rds_lake)


RDS_LAKE = ""


def variables() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "MOTO_"))}


@contextmanager
def started(root: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command of rds-lake in a session of its own, as a terminal starts it; killed at the end if it still runs."""
    with (
        subprocess.Popen(
            [RDS_LAKE, *arguments],
            cwd=root,
            env=variables(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process,
        not_outliving(process),
    ):
        try:
            yield process
        finally:
            process.kill()


def family(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def left(processes: list[psutil.Process]) -> list[str]:
    """Those that are still there, zombies aside."""
    return [str(p) for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def own_folders() -> set[str]:
    return {str(path) for path in Path(tempfile.gettempdir()).glob("rds-lake-*")}


def test_the_demo_ends_with_equal_counts_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "lake.yaml").write_text("lake: {bucket: somebody-elses}\n", encoding="utf-8")
    done = subprocess.run(
        [RDS_LAKE, "demo"], cwd=tmp_path, env=variables(), capture_output=True, text=True, timeout=380, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for words in (
        "views published",
        "every count equals PostgreSQL's and DynamoDB's",
        "--summary",
        "1,500 rows added, 0 removed, 200 changed, 59,800 the same (by id): 60,000 before, 61,500 after",
        "Nested attributes",
        "as of",
        "bytes scanned",
        "rds-lake-report.html: nothing needs a person",
    ):
        assert words in done.stdout
    assert "<h1>" in (tmp_path / "rds-lake-report.html").read_text(encoding="utf-8")
    assert {path.name for path in tmp_path.iterdir()} == {"lake.yaml", "rds-lake-report.html"}


@pytest.mark.exhaustive
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_local_cloud_starts_with_the_shop_and_stops_without_trace(
    root: Path, tmp_path: Path, number: signal.Signals
) -> None:
    before = own_folders()
    ready = tmp_path / "ready.json"
    with started(root, "local", "up", "--port", "0", "--ready-file", str(ready)) as process:
        until(ready.exists, what="the ready file")
        cloud = json.loads(ready.read_text(encoding="utf-8"))
        assert set(cloud["databases"]) == {"shop-prod"}
        with urlopen(f"{cloud['endpoint']}/_local/health", timeout=10) as health:
            assert json.load(health)["databases"] == ["shop-prod"]
        assert post(f"{cloud['endpoint']}/_local/snapshots", {"database": "shop-prod"})[0] == 200
        children = family(process)
        assert children, "a PostgreSQL of its own"
        process.send_signal(number)
        assert process.wait(30) == 0
    assert left(children) == []
    assert own_folders() <= before | own_folders_of_others(before)


def own_folders_of_others(before: set[str]) -> set[str]:
    """Folders that other test processes made meanwhile: their owner still runs."""
    running = " ".join(" ".join(p.info["cmdline"] or []) for p in psutil.process_iter(["cmdline"]))
    clouds = {folder for folder in own_folders() - before if "rds-lake-cloud-" in folder}
    return {folder for folder in own_folders() - before if folder in running} | (
        clouds if "PYTEST_XDIST_WORKER" in os.environ else set()
    )


@pytest.mark.exhaustive
def test_dev_opens_the_ui_and_ctrl_c_stops_everything(tmp_path: Path) -> None:
    history = tmp_path / ".dagster_home" / "history"
    history.parent.mkdir()
    history.write_text("years of it", encoding="utf-8")
    port = free_port()
    with started(tmp_path, "dev", "--port", str(port)) as process:
        until(lambda: answers(f"http://127.0.0.1:{port}/server_info"), what="the UI")
        children = family(process)
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
    assert left(children) == []
    assert [path.name for path in tmp_path.iterdir()] == [".dagster_home"]
    assert history.read_text(encoding="utf-8") == "years of it"


@pytest.mark.exhaustive
def test_a_second_cloud_on_the_same_port_says_so(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with started(root, "local", "up", "--port", str(taken.getsockname()[1])) as process:
            output, _ = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "in use" in output
