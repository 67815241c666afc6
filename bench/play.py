"""Runs a large version of tests, `rds_lake_tests/large/<name>.py`, in this process's place, with its arguments.

They need the tests' worlds and labs. Nothing in `bench/` imports the tests, so that a measurement never depends on them.
"""

from __future__ import annotations

import os
import sys


def play(name: str) -> None:
    """Replace this process by that program; its exit code is this one's."""
    os.execv(sys.executable, [sys.executable, "-m", f"rds_lake_tests.large.{name}", *sys.argv[1:]])
