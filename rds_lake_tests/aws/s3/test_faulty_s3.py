"""Relocations from an S3 over HTTPS that is faulty: what comes out is whole, or named; and nothing takes for ever."""

import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.credentials import RefreshableCredentials
from botocore.exceptions import CredentialRetrievalError

from bench.s3_answers import Stored
from rds_lake.aws import budget
from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3 import batch as s3_batch
from rds_lake.aws.s3 import connection as s3_connection
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.wire import open_wire
from rds_lake.errors import AwsError, ConfigError, RdsLakeError, RelocationError, UnavailableError
from rds_lake.model.exports.task import ExportStatus, ExportTask
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest
from rds_lake.model.lake.record import ExportRecord
from rds_lake.stages.databases.inspect import inspect_export
from rds_lake.stages.databases.relocation.relocate import Mover
from rds_lake_tests.aws.s3.certificates import make_certificates
from rds_lake_tests.aws.s3.faulty_s3 import Faults, FaultyS3, running

pytestmark = pytest.mark.slow

TABLES, FILES = 8, 15
NAME, DAY = "shop-prod-2026-11-20-05-06-3f9c2d71ab04-1", date(2026, 11, 20)
MOMENT = datetime(2026, 11, 20, 5, 6, tzinfo=UTC)
TASK = ExportTask(
    identifier=NAME, source_arn="arn:aws:rds:us-east-1:123456789012:snapshot:x", status=ExportStatus.COMPLETE,
    bucket="acme-lake", prefix="exports", snapshot_time=MOMENT,
)  # fmt: skip
RECORD = ExportRecord(
    source="shop", snapshot_date=DAY, snapshot_arn=TASK.source_arn, snapshot_time=MOMENT, export_task=NAME,
    bucket="acme-lake", folder=TASK.folder,
)  # fmt: skip
LAYOUT = LakeLayout(bucket="acme-lake", prefix="lake")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    return folder


@pytest.fixture
def s3(certificates: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyS3]:
    """An S3 with an export, whose authority is trusted by AWS_CA_BUNDLE."""
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificates / "ca.pem"))
    with running(certificates / "good.pem") as server:
        fill(server)
        yield server


@pytest.fixture(autouse=True)
def no_thread_stays() -> Iterator[None]:
    yield
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("s3-wire")]


def fill(server: FaultyS3) -> None:
    """AWS's copy of an export: every file has content of its own."""
    objects, entries = server.stub.bucket("acme-lake").objects, list[Any]()
    for table in range(TABLES):
        for number in range(FILES):
            file = io.BytesIO()
            pq.write_table(pa.table({"id": pa.array([table * FILES + number])}), file)
            body, key = file.getvalue(), f"exports/{NAME}/shop/public.t{table}/1/part-{number:05}.gz.parquet"
            objects[key] = Stored(len(body), body, f"{table * FILES + number:032x}")
        objects[f"exports/{NAME}/shop/public.t{table}/1/_SUCCESS"] = Stored(0, b"", "0" * 32)
        types = [{"columnName": "id", "originalType": "bigint", "expectedExportedType": "int64"}]
        schema = {"originalTypeMappings": types}
        entries.append({"target": f"shop.public.t{table}", "status": "COMPLETE", "schemaMetadata": schema})
    text = json.dumps({"perTableStatus": entries}).encode()
    objects[f"exports/{NAME}/export_tables_info_{NAME}_from_1_to_{TABLES}.json"] = Stored(len(text), text, "a" * 32)
    objects[f"exports/{NAME}/export_info_{NAME}.json"] = Stored(2, b"{}", "b" * 32)


def relocate(url: str, session: boto3.Session | None = None, *, by_wire: bool = True, attempts: int = 8) -> Manifest:
    clients = AwsClients(session or boto3.Session(region_name="us-east-1"), endpoint_url=url, attempts=attempts)
    wire = open_wire(clients, 64) if by_wire else None
    assert (wire is not None) == by_wire
    gateway = S3Gateway(clients.s3, wire)
    contents = inspect_export(gateway, task=TASK, include=())
    assert not [finding.problem for finding in contents.findings if finding.severity == "error"]
    return Mover(s3=gateway, layout=LAYOUT, kms_key=None, log=lambda _: None).relocate(contents, RECORD)


def assert_whole(server: FaultyS3, manifest: Manifest) -> None:
    """The lake has every file of the export, byte by byte, once; the manifest names exactly those."""
    objects = server.stub.bucket("acme-lake").objects
    bodies = sorted(o.body for k, o in objects.items() if k.startswith("exports/") and k.endswith(".parquet"))
    lake = {k: o.body for k, o in objects.items() if k.startswith("lake/shop/")}
    assert sorted(lake.values()) == bodies
    assert sorted(file.key for table in manifest.tables for file in table.files) == sorted(lake)
    assert manifest.rows == TABLES * FILES


@pytest.mark.parametrize(
    "faults",
    [
        Faults(),
        Faults(cut=0.1),
        Faults(reset=0.1),
        Faults(trickle=0.2),
        Faults(chunked=0.5, close_after=3),
        Faults(unasked=0.3),
        Faults(slow=0.3),
        Faults(late=0.3),
        Faults(truncated=0.3),
        Faults(cut=0.05, reset=0.05, trickle=0.1, chunked=0.3, unasked=0.1, slow=0.1, late=0.1, truncated=0.1),
    ],
    ids=str,
)
def test_a_faulty_s3_costs_time_and_no_file(s3: FaultyS3, faults: Faults) -> None:
    s3.faults = faults
    assert_whole(s3, relocate(s3.url))


@pytest.mark.parametrize("faults", [Faults(lost=0.1), Faults(short=0.1)], ids=["lost", "short"])
def test_copies_that_s3_lost_or_shortened_are_named_and_made_again_by_the_next_attempt(
    s3: FaultyS3, faults: Faults
) -> None:
    s3.faults = faults
    with pytest.raises(RelocationError) as caught:
        relocate(s3.url)
    assert 0 < len(caught.value.problems) < TABLES * FILES / 2
    assert LAYOUT.manifest_key("shop", DAY) not in s3.stub.bucket("acme-lake").objects
    s3.faults = Faults()
    assert_whole(s3, relocate(s3.url))


def test_the_profiles_bundle_is_the_wires_too(
    certificates: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every request would fail eight times, and then go through boto3."""
    (tmp_path / "config").write_text(
        f"[profile lake]\nca_bundle = {certificates / 'ca.pem'}\naws_access_key_id = a\naws_secret_access_key = b\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with running(certificates / "good.pem") as server:
        fill(server)
        relocate(server.url, boto3.Session(profile_name="lake", region_name="us-east-1"))
        assert server.requests["Copy"] == TABLES * FILES


@pytest.mark.parametrize("by_wire", [True, False])
@pytest.mark.parametrize(
    ("name", "words"), [("expired", "expired"), ("other-host", "127.0.0.1"), ("untrusted", "issuer|self-signed")]
)
def test_a_certificate_that_is_not_trusted_is_one_sentence_at_once(
    certificates: Path, monkeypatch: pytest.MonkeyPatch, name: str, words: str, by_wire: bool
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificates / "ca.pem"))
    with running(certificates / f"{name}.pem") as server:
        started = time.monotonic()
        with pytest.raises(ConfigError, match=words) as caught:
            relocate(server.url, by_wire=by_wire)
        assert time.monotonic() - started < 60
        assert "AWS_CA_BUNDLE" in str(caught.value)
        assert not server.requests


@pytest.mark.parametrize("status", [301, 307])
@pytest.mark.parametrize("by_wire", [True, False])
def test_a_bucket_of_another_region_is_said_to_be_there(s3: FaultyS3, status: int, by_wire: bool) -> None:
    s3.faults = Faults(moved=status)
    with pytest.raises(AwsError, match=r"the bucket is in eu-west-3: name that Region in lake\.yaml"):
        relocate(s3.url, by_wire=by_wire)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The patience of production, a hundred times shorter."""
    monkeypatch.setattr(s3_connection, "_SILENCE_SECONDS", {True: 0.3, False: 0.6})
    monkeypatch.setattr(s3_batch, "_DEAD_SECONDS", 0.5)
    monkeypatch.setattr(s3_batch, "BUDGET_SECONDS", 2.0)
    monkeypatch.setattr(s3_batch, "CONNECT_SECONDS", 0.5)


@pytest.mark.usefixtures("hasty")
def test_a_server_that_accepts_and_stays_silent_is_given_up_for_all_objects_at_once(s3: FaultyS3) -> None:
    s3.faults = Faults(silent=1)
    started = time.monotonic()
    with pytest.raises(UnavailableError, match=r"S3 at 127\.0\.0\.1.* has not answered for .*acme-lake"):
        relocate(s3.url)
    assert time.monotonic() - started < 60
    s3.faults = Faults(silent=1, only=("Copy",))
    with pytest.raises(UnavailableError, match=r"has (not )?answered"):
        relocate(s3.url)
    assert time.monotonic() - started < 120


@pytest.mark.usefixtures("hasty")
def test_some_answers_that_never_come_cost_time_and_no_file(s3: FaultyS3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(s3_batch, "BUDGET_SECONDS", 20)
    monkeypatch.setattr(s3_batch, "_DEAD_SECONDS", 20)
    s3.faults = Faults(silent=0.1, only=("Copy", "Get", "List"))
    assert_whole(s3, relocate(s3.url))


@pytest.mark.usefixtures("hasty")
def test_a_server_that_takes_connections_and_no_handshake_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        started = time.monotonic()
        with pytest.raises(UnavailableError, match=r"has not answered .*no connection within"):
            relocate(f"https://127.0.0.1:{nobody.getsockname()[1]}")
        assert time.monotonic() - started < 60


def test_boto3_has_a_budget_of_time_too(s3: FaultyS3, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight tries of a minute each are eight minutes, however many tries are allowed."""
    monkeypatch.setattr(budget, "BUDGET_SECONDS", 0.5)
    clients = AwsClients(boto3.Session(region_name="us-east-1"), endpoint_url=s3.url, attempts=50)
    s3.faults = Faults(reset=1)
    started = time.monotonic()
    with pytest.raises(UnavailableError):
        S3Gateway(clients.s3).get_text("acme-lake", "x")
    assert time.monotonic() - started < 60
    assert s3.requests["Get"] < 15


class Tokens:
    """Credentials of a second; `refuse`: S3 takes no token but the newest; `most`: so many can be had."""

    def __init__(self, server: FaultyS3, *, refuse: bool = False, most: int = 10_000) -> None:
        self.server, self.refuse, self.most, self.asked = server, refuse, most, 0
        session: Any = botocore.session.get_session()
        session._credentials = RefreshableCredentials.create_from_metadata(
            self._next(), refresh_using=self._next, method="sts", advisory_timeout=1, mandatory_timeout=0
        )
        self.session = boto3.Session(botocore_session=session, region_name="us-east-1")

    def _next(self) -> dict[str, str]:
        self.asked += 1
        if self.asked > self.most:
            raise CredentialRetrievalError(provider="sso", error_msg="the SSO session has expired")
        if self.refuse:
            self.server.faults.expired = f"token-{self.asked - 1}"
        ends = datetime.now(UTC) + timedelta(seconds=1.2)
        return {
            "access_key": "AKIA", "secret_key": "s", "token": f"token-{self.asked}", "expiry_time": ends.isoformat(),
        }  # fmt: skip


def test_credentials_that_end_in_the_middle_are_renewed(s3: FaultyS3) -> None:
    tokens = Tokens(s3, refuse=True)
    s3.stub.latency = 0.0
    for _ in range(2):
        assert_whole(s3, relocate(s3.url, tokens.session))
        time.sleep(0.4)
    assert tokens.asked > 1


def test_credentials_that_cannot_be_renewed_are_one_sentence(s3: FaultyS3) -> None:
    tokens = Tokens(s3, most=1)
    time.sleep(1.3)
    with pytest.raises(
        ConfigError, match=r"^AWS credentials cannot be renewed: .*SSO session has expired; log in again"
    ):
        relocate(s3.url, tokens.session)
    assert tokens.asked < 6


def test_few_file_descriptors_are_enough(s3: FaultyS3, root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rds_lake_tests.aws.s3.test_faulty_s3", s3.url], cwd=root, capture_output=True, text=True,
        env=os.environ | {"AWS_DEFAULT_REGION": "us-east-1"}, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert s3.open_at_most < 128
    objects = s3.stub.bucket("acme-lake").objects
    assert sum(key.startswith("lake/shop/") for key in objects) == TABLES * FILES


if __name__ == "__main__":
    import resource

    resource.setrlimit(resource.RLIMIT_NOFILE, (128, 128))
    try:
        relocate(sys.argv[1])
    except RdsLakeError as problem:
        sys.exit(str(problem))
