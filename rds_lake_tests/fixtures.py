"""Fixtures for all tests: no real AWS, one PostgreSQL, one MariaDB and one local cloud per session, a fresh lake per test.

A plugin of pytest, which `conftest.py` registers: importing it takes five seconds.
"""

import atexit
import gc
import os
import signal
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache, lru_cache
from pathlib import Path

import botocore.session
import hypothesis
import pytest
from botocore import parsers, useragent
from moto.kms import models as kms_models

from rds_lake.aws import athena
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb, MariaDbMissingError
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake_tests.demo.wheel import Installed, install_once
from rds_lake_tests.support.in_process import short_cut, watch_servers
from rds_lake_tests.support.servers import empty_mariadb, empty_postgres, memory
from rds_lake_tests.support.world import World, seed_tiny

# CI tries the same inputs each time, so that a landing fails by what it changed; a person's run tries new ones.
hypothesis.settings.register_profile(
    "rds_lake",
    deadline=None,
    max_examples=int(os.environ.get("RDS_LAKE_EXAMPLES", "60")),  # `make test-fast` tries fewer
    print_blob=True,
    derandomize=bool(os.environ.get("CI")),
)
hypothesis.settings.load_profile("rds_lake")

# The local Athena answers in milliseconds; hundreds of statements would each be waited for as if it were AWS's.
athena._FIRST_POLL_SECONDS = 0.03

# Every lake has a key, and moto makes an RSA pair for each, in a tenth of a second: nothing here looks at one.
kms_models.generate_private_key = cache(kms_models.generate_private_key)

# boto3 cleans each of the thirty parts of its user agent for every call, and they never change.
useragent.sanitize_user_agent_string_component = cache(useragent.sanitize_user_agent_string_component)
# And writes it anew with the features that the call turned out to use, which are AWS's statistics.
useragent.UserAgentString.rebuild_and_replace_user_agent_handler = lambda *_, **__: None

# A moment of S3 or RDS is taken apart by dateutil for each object of each answer, and most are of the same few seconds.
parsers.DEFAULT_TIMESTAMP_PARSER = lru_cache(maxsize=1024)(parsers.DEFAULT_TIMESTAMP_PARSER)

# Every session of boto3 reads AWS's models of the services again, in a quarter of a second; commands make one each time.
botocore.session.create_loader = cache(botocore.session.create_loader)

_TINY = "shop"  # the database that stays

watch_servers()

# Before any client exists: no test may ever reach a real account.
for _name in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[_name]
os.environ |= {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # the discard port: an unconfigured client fails at once
    "MOTO_EC2_LOAD_DEFAULT_AMIS": "false",  # a reset would read megabytes of EC2 images, several times a second
}


def pytest_collection_finish() -> None:
    """What is there before the first test stays."""
    gc.collect()
    gc.freeze()
    # DuckDB complains when what it made is not taken away at the end; pytest's own five rounds come before.
    atexit.register(gc.unfreeze)


@pytest.fixture(autouse=True)
def interrupts() -> None:
    """An interrupt is Python's own in every test, whatever Dagster or Spark left of an earlier one's."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Where AWS is called by the hundreds, and how the calls come to it is not what is tested.
_WITHOUT_SOCKETS = ("console", "defs", "pull", "stages")
# But here a process is killed, or a thread interrupted wherever it is: half a request must not be half an answer.
_BY_HTTP = (
    "stages/crashes",
    "stages/databases/relocation/test_resumed.py",
    "stages/dynamodb/test_scan.py",
    "stages/streams/test_killed.py",
    "stages/test_cancelled.py",
)


@pytest.fixture(autouse=True)
def boto3_without_sockets(request: pytest.FixtureRequest) -> Iterator[None]:
    """boto3 calls the servers of this process directly, where that proves the same."""
    name = request.node.nodeid.removeprefix("rds_lake_tests/")
    if name.startswith(_WITHOUT_SOCKETS) and not name.startswith(_BY_HTTP):
        with short_cut():
            yield
    else:
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return Path(__file__).parent.parent


@pytest.fixture(scope="session")
def installed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment with the wheel of this checkout, the same for all workers."""
    base = tmp_path_factory.getbasetemp()
    return install_once(root, base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture(scope="session")
def samples(root: Path) -> Path:
    """The folder of what AWS wrote; `samples/README.md` names the source of each file."""
    return root / "rds_lake_tests" / "samples"


@pytest.fixture(scope="session")
def postgres_of_session() -> Iterator[EmbeddedPostgres]:
    # A snapshot copies a database of 300 files. Where hundreds were deleted in the seconds before, ext4 takes ten times as
    # long to find room for them, and most of it is work of the processor.
    with EmbeddedPostgres(data_in=memory()) as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_of_session() -> Iterator[EmbeddedMariaDb]:
    try:
        server = EmbeddedMariaDb()
    except MariaDbMissingError as error:
        pytest.skip(str(error))
    with server:
        yield server


@pytest.fixture(scope="session")
def tiny_url_of_session(postgres_of_session: EmbeddedPostgres) -> str:
    url = postgres_of_session.create_database(_TINY)
    seed_tiny(url)
    return url


@pytest.fixture(scope="session")
def cloud_of_session(tiny_url_of_session: str) -> Iterator[LocalCloud]:
    settings, url = ExportSettings(starting_seconds=0.0, progress_seconds=0.0), tiny_url_of_session
    # A cluster with the same content beside the instance: every kind of source sees the same rows.
    with LocalCloud({"shop-prod": url}, clusters={"shop-aurora": url}, exports=settings) as cloud:
        yield cloud


# A file of tests leaves no snapshot, database or user on the servers that it shares with others: which file is next is chance.


@pytest.fixture(scope="module")
def postgres(postgres_of_session: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """A server of PostgreSQL, empty but for the tiny database."""
    yield postgres_of_session
    empty_postgres(postgres_of_session.url(), keep=(_TINY,))


@pytest.fixture(scope="module")
def mariadb(mariadb_of_session: EmbeddedMariaDb) -> Iterator[EmbeddedMariaDb]:
    """A server of MariaDB, empty."""
    yield mariadb_of_session
    empty_mariadb(mariadb_of_session.url("mysql"))


@pytest.fixture(scope="module")
def tiny_url(tiny_url_of_session: str, postgres: EmbeddedPostgres) -> str:
    """A small database with awkward names and types."""
    return tiny_url_of_session


@pytest.fixture(scope="module")
def session_cloud(cloud_of_session: LocalCloud, tiny_url: str) -> Iterator[LocalCloud]:
    """The local cloud, with what earlier tests of the file made."""
    yield cloud_of_session
    cloud_of_session.reset()


@pytest.fixture
def cloud(session_cloud: LocalCloud) -> Iterator[LocalCloud]:
    """The local cloud, empty but for its databases."""
    session_cloud.reset()
    yield session_cloud


@pytest.fixture
def world(cloud: LocalCloud, tiny_url: str, tmp_path: Path, root: Path) -> Iterator[World]:
    """A provisioned lake on the local cloud, with the tiny database at its day-one content."""
    seed_tiny(tiny_url)
    yield World.provisioned(cloud, url=tiny_url, directory=tmp_path, root=root)


@pytest.fixture
def a_day_of_twenty_minutes() -> None:
    """For tests of DynamoDB that export an instant of today: in a day's first minutes it has none that is old enough."""
    now = datetime.now(UTC)
    if now.hour == 0 and now.minute < 21:
        pytest.skip("within minutes after midnight UTC DynamoDB cannot export an instant of today yet")
