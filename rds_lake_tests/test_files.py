"""A file is written in one step: a reader finds the earlier content or the new one."""

import os
import stat
import threading
from pathlib import Path

import pytest

from rds_lake.files import write_whole
from rds_lake_tests.support.interrupts import no_room


def test_a_file_that_cannot_be_written_is_unchanged_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "sources.yml"
    path.write_text("mine", encoding="utf-8")
    with no_room(), pytest.raises(OSError, match="File too large") as raised:
        write_whole(path, "new" * 1_000)
    assert raised.value.filename == str(path)
    assert path.read_text(encoding="utf-8") == "mine"
    assert [file.name for file in tmp_path.iterdir()] == ["sources.yml"]
    with pytest.raises(NotADirectoryError, match=r"sources\.yml/nowhere"):
        write_whole(path / "nowhere", "new")
    with pytest.raises(IsADirectoryError):
        write_whole(tmp_path, "new")


def test_two_writers_of_one_file_never_leave_a_mixture(tmp_path: Path) -> None:
    path, bodies = tmp_path / "shop.json", [str(number) * 200_000 for number in range(4)]
    seen: set[str] = set()

    def write(body: str) -> None:
        for _ in range(5):
            write_whole(path, body)
            seen.add(path.read_text(encoding="utf-8"))

    threads = [threading.Thread(target=write, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen <= {*bodies}
    assert [file.name for file in tmp_path.iterdir()] == ["shop.json"]


def test_permissions_and_links_of_an_earlier_file_stay(tmp_path: Path) -> None:
    kept, link = tmp_path / "kept.yml", tmp_path / "sources.yml"
    kept.write_text("mine", encoding="utf-8")
    kept.chmod(0o640)
    link.symlink_to(kept)
    write_whole(link, "new")
    assert link.is_symlink() and kept.read_text(encoding="utf-8") == "new"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o640
    secret = tmp_path / "ready.json"
    write_whole(secret, b"{}", private=True)
    assert stat.S_IMODE(secret.stat().st_mode) == 0o600


def test_a_pipe_or_device_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(pipe, "CREATE VIEW")
        assert os.read(reader, 100) == b"CREATE VIEW"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
