"""Which tests are collected, in which order, and how the work of collecting is shared by the workers."""

from __future__ import annotations

import importlib
import os
from contextlib import suppress
from datetime import UTC, datetime, time, timedelta
from inspect import isfunction
from time import sleep
from typing import Any

import pytest

from rds_lake_tests.variants import further_variants


def pytest_configure(config: pytest.Config) -> None:
    """The process that only hands out tests to workers needs no fixtures, and starts its workers five seconds earlier."""
    if not config.getoption("numprocesses", None):
        config.pluginmanager.import_plugin("rds_lake_tests.fixtures")


# Tests count days back from today, which must be the same day for all of a run: its length, and some of that again.
_EVERYDAY_RUN, _LONGEST_RUN = timedelta(minutes=13), timedelta(minutes=50)


def pytest_sessionstart(session: pytest.Session) -> None:
    """A run of all tests that would meet midnight UTC begins after it."""
    is_worker = hasattr(session.config, "workerinput")
    if is_worker or session.config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    length = _EVERYDAY_RUN if session.config.option.markexpr.startswith("not exhaustive") else _LONGEST_RUN
    wait = until_a_day_that_lasts(datetime.now(UTC), length)
    if wait:
        print(f"These tests count days from today, and would meet midnight UTC: they begin in {wait}.")
        sleep(wait.total_seconds())


def until_a_day_that_lasts(now: datetime, length: timedelta) -> timedelta:
    """How long a run of all tests waits that takes `length`."""
    midnight = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    return midnight - now if midnight - now < length else timedelta()


# The files that take longest: begun first, so that no worker ends with one of them alone.
_LONGEST = (
    "defs/processes/test_daemon.py",
    "defs/processes/test_storm.py",
    "demo/test_commands.py",
    "test_readme.py",
    "stages/crashes/test_dynamodb.py",
    "stages/crashes/test_crashes.py",
    "permissions/test_replay.py",
    "stages/crashes/test_evolution.py",
    "stages/streams/test_story.py",
    "stages/crashes/test_by_hand.py",
    "defs/sensors/test_crowd.py",
    "defs/sensors/test_ticks.py",
    "stages/catalogue/test_sync.py",
    "defs/test_glue.py",
    "stages/upkeep/test_changes.py",
    "defs/test_publishing.py",
    "stages/publish/test_publisher.py",
    "stages/catalogue/test_raw_tables.py",
    "stages/upkeep/test_retention.py",
    "stages/publish/test_by_hand.py",
    "defs/test_kinds.py",
    "aws/s3/test_contract.py",
    "stages/dynamodb/test_incremental.py",
    "turnstile/test_publications.py",
    "turnstile/test_dynamo.py",
    "turnstile/test_removals.py",
    "stages/dynamodb/test_glue.py",
    "stages/streams/whole/test_mysql.py",
    "stages/streams/live/test_whole_way.py",
    "stages/diff/test_views.py",
)
# Files that one worker runs one after the other: they share a Java, which takes ten seconds of the processor to start.
_WITH_SPARK = (
    "rds_lake_tests/convert/test_spark.py",
    "rds_lake_tests/console/readers/test_ddl.py",
    "rds_lake_tests/console/readers/test_mysql_values.py",
    "rds_lake_tests/console/readers/test_postgres_values.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadfile`, where the files with Spark count as one."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "spark" if file in _WITH_SPARK else file

    return Scheduling(config, log)


# What takes seconds to start. A test that asks for one of these, or for any cloud, is not of `make test-fast`.
_SLOW_FIXTURES = {"session_cloud", "postgres", "mariadb", "spark", "installed"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the files, within which nothing changes; mark tests that need a server as slow, and further variants as exhaustive."""
    ranks = {config.rootpath / "rds_lake_tests" / name: number for number, name in enumerate(_LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path, len(ranks)))
    everyday: dict[str, pytest.Item] = {}
    for item in items:
        if _SLOW_FIXTURES & _fixtures(item) or any("cloud" in name for name in _fixtures(item)):
            item.add_marker(pytest.mark.slow)
        if not any(item.iter_markers("exhaustive")) and not any(item.iter_markers("aws")):
            everyday[item.nodeid.removeprefix("rds_lake_tests/")] = item
    for node in further_variants((node, any(item.iter_markers("slow"))) for node, item in everyday.items()):
        everyday[node].add_marker(pytest.mark.exhaustive)


def _fixtures(item: pytest.Item) -> set[str]:
    return set(getattr(item, "fixturenames", ()))


def pytest_collection(session: pytest.Session) -> None:
    """Each worker begins to import the tests at another file, and finds the other files as their workers compiled them.

    On a fresh machine pytest rewrites the asserts of every file, which takes longer than all else before the first test.
    """
    root = session.config.rootpath
    config = session.config
    if "PYTEST_XDIST_WORKER" not in os.environ or config.args_source is not pytest.Config.ArgsSource.TESTPATHS:
        return
    if config.option.ignore:
        return  # a part of the files: they are compiled since the last run of all
    worker, workers = int(os.environ["PYTEST_XDIST_WORKER"][2:]), int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
    files = sorted(root.glob("rds_lake_tests/**/test_*.py"))
    first = len(files) * worker // workers
    for file in files[first:] + files[:first]:
        # What is wrong with a file is said when pytest collects it.
        with suppress(Exception, pytest.skip.Exception):
            importlib.import_module(".".join(file.relative_to(root).with_suffix("").parts))


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(collector: pytest.Collector, obj: Any) -> list[pytest.Item] | None:
    """`make test` makes no items of what it leaves out: each of its workers would make thousands."""
    if not collector.config.option.markexpr.startswith("not exhaustive") or not isfunction(obj):
        return None
    marks = [*collector.iter_markers(), *getattr(obj, "pytestmark", ())]
    return [] if any(mark.name == "exhaustive" for mark in marks) else None
