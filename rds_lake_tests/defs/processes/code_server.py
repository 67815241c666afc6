"""Dagster's code server, whose runs are forks of a process that has imported everything already.

Each run is a process of its own, begun by the code server and killed or ended as ever. What is left out are four seconds of the
processor for each: Python, Dagster and AWS's models, read again.

    python -m rds_lake_tests.defs.processes.code_server      # and the arguments of `dagster api grpc`
"""

import functools
import multiprocessing
import multiprocessing.context
import runpy
import sys
from unittest import mock

_IMPORTED = (
    "rds_lake_tests.defs.processes.warm",
    "dagster._grpc.server",
    "dagster._core.storage.event_log.sqlite",
    "dagster._core.storage.runs.sqlite",
    "rds_lake.definitions",
    "pyarrow.parquet",
    "httptools",
    "uvloop",
)


@functools.cache
def _forking() -> multiprocessing.context.BaseContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(_IMPORTED))
    return context


def main() -> None:
    """Serve until ended."""
    context = _forking()
    sys.argv[1:1] = ["api", "grpc"]
    # Dagster asks for a new interpreter for each run.
    with mock.patch("multiprocessing.get_context", lambda method=None: context):
        runpy.run_module("dagster", run_name="__main__")


if __name__ == "__main__":
    main()
