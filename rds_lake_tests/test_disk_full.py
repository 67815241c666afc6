"""A full disk under the command line: a sentence that says what to do, and no file of the user's harmed."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from rds_lake.cli import main
from rds_lake.stages.lake.known_tables import find_known_tables, save_known_tables
from rds_lake_tests.defs.shell import TABLES
from rds_lake_tests.support.interrupts import leave_no_room, no_room
from rds_lake_tests.support.world import World


def test_refresh_on_a_full_disk_keeps_the_old_list_and_says_what_to_do(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    world.be_the_process(monkeypatch)
    source = world.config.sources[0]
    path = save_known_tables(world.config, source, TABLES[:1])
    before = path.read_bytes()
    arguments = ["refresh", "--config", str(world.config.directory / "lake.yaml")]
    with no_room():
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert "shop.json could not be written (File too large) and was not changed" in result.output
    assert "run `rds-lake refresh shop` again" in result.output
    assert path.read_bytes() == before
    assert CliRunner().invoke(main, arguments).exit_code == 0
    assert find_known_tables(world.config, source) == tuple(sorted(TABLES))
    assert [file.name for file in path.parent.iterdir()] == ["shop.json"]


@pytest.mark.exhaustive
def test_a_ready_file_that_does_not_fit_ends_the_local_cloud_with_a_sentence(tmp_path: Path, tiny_url: str) -> None:
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-m", "rds_lake.cli", "local", "up", "--port", "0", "--ready-file", str(ready)]
    done = subprocess.run(
        [*command, "--database", f"shop-prod={tiny_url}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=leave_no_room,
    )
    assert done.returncode == 1
    assert "ready.json could not be written: File too large; free some space and repeat" in done.stderr
    assert "Traceback" not in done.stderr
    assert not ready.exists()


@pytest.mark.exhaustive
def test_a_database_server_without_room_ends_the_local_cloud_with_its_own_words() -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    command = [sys.executable, "-m", "rds_lake.cli", "local", "up", "--port", "0"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, preexec_fn=no_room)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("Error: ")
    assert "could not write to file" in done.stderr
    assert "free some space" in done.stderr
