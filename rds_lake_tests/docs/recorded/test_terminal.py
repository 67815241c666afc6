"""What a page's lines started ends with the terminal, and with the test that opened it."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil

from rds_lake_tests.docs.terminal import Desk
from rds_lake_tests.support.world import until

# As `dagster dev` does: Ctrl-C ends what it was typed into, and this goes on.
_DEAF = f"{sys.executable} -c 'import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(600)'"
_TEST = """
import sys, time
from pathlib import Path
from rds_lake_tests.docs.terminal import Desk
desk = Desk(folder=Path(sys.argv[1]), variables={}, replaced={})
desk.terminal().start(sys.argv[2])
time.sleep(600)
"""


def deaf(process: psutil.Process) -> list[psutil.Process]:
    """What the line started, below this process."""
    return [child for child in process.children(recursive=True) if "SIG_IGN" in " ".join(child.cmdline())]


def gone(processes: list[psutil.Process]) -> bool:
    return not [one for one in processes if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]


def test_what_a_test_started_in_a_terminal_ends_when_the_test_is_killed(root: Path, tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", _TEST, str(folder), _DEAF], cwd=root) as test:
        found = until(
            lambda: [one for one in deaf(psutil.Process(test.pid)) if one.pid != test.pid], what="the line's process"
        )
        everything = psutil.Process(test.pid).children(recursive=True)
        test.send_signal(signal.SIGKILL)
    assert found
    until(lambda: gone(everything), what="the end of all that the test started")


def test_what_does_not_hear_ctrl_c_ends_with_its_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    folder.mkdir()
    desk = Desk(folder=folder, variables={}, replaced={})
    desk.terminal().start(f"{_DEAF} & sleep 600")
    found = until(lambda: deaf(psutil.Process()), what="the line's process")
    desk.close()
    assert gone(found)
