"""Starts a measurement that needs a whole lake: `rds_lake_tests/large/<name>.py`, in place of this process, with its arguments.

That program uses the lake that the tests build, so it is kept with the tests; nothing in `bench/` imports them.
"""

from __future__ import annotations

import os
import sys


def play(name: str) -> None:
    """Replace this process by that program; its exit code is this one's."""
    os.execv(sys.executable, [sys.executable, "-m", f"rds_lake_tests.large.{name}", *sys.argv[1:]])
