"""Relocation over the wire: the same end as over boto3, under a storm, after a crash, and beside a second run."""

import random
import threading
from typing import Any

import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.batch import Batch
from rds_lake.aws.s3.connection import Answer, Connection
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.sign import S3Request
from rds_lake.aws.s3.wire import Wire, open_wire
from rds_lake.errors import RelocationError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.manifest import Manifest
from rds_lake.stages.databases.inspect import ExportContents, inspect_export
from rds_lake.stages.databases.relocation.relocate import Mover
from rds_lake.stages.publish.cleanup import after_publish
from rds_lake_tests.stages.conftest import DELETABLE
from rds_lake_tests.support.builders import SampleExport, SampleTable, orders
from rds_lake_tests.support.faults import Faults

PARTS = 12


@pytest.fixture
def s3(clients: AwsClients, monkeypatch: pytest.MonkeyPatch) -> S3Gateway:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    wire = open_wire(clients, 4)
    assert wire is not None
    return S3Gateway(clients.s3, Wire(wire.signer, most=4, jitter=lambda: -1.0), DELETABLE)  # no pauses


@pytest.fixture
def export(clients: AwsClients) -> SampleExport:
    parts = tuple(orders(number, number) for number in range(PARTS))
    return SampleExport(s3=clients.s3, tables=(SampleTable(target="shop.public.Größe x", parts=parts),)).write()


@pytest.fixture
def contents(s3: S3Gateway, export: SampleExport) -> ExportContents:
    return inspect_export(s3, task=export.task, include=())


def mover(s3: S3Gateway, layout: LakeLayout, lines: list[str] | None = None) -> Mover:
    log = (lines if lines is not None else []).append
    return Mover(s3=s3, layout=layout, kms_key="alias/lake", log=log, parallel=4)


def test_the_wire_and_boto3_make_the_same_manifest(
    s3: S3Gateway, clients: AwsClients, layout: LakeLayout, export: SampleExport, contents: ExportContents
) -> None:
    faults = Faults(clients.s3)
    by_wire = mover(s3, layout).relocate(contents, export.record)
    assert faults.count("CopyObject", "HeadObject", "ListObjectsV2") == 0, "nothing of it went through boto3"
    clients.s3.delete_object(Bucket="acme-lake", Key="lake/_manifests/shop/2026-11-20.json")
    assert mover(S3Gateway(clients.s3), layout).relocate(contents, export.record) == by_wire
    assert by_wire.files == PARTS
    assert all(file.checksum for file in by_wire.tables[0].files)
    head = clients.s3.head_object(Bucket="acme-lake", Key=by_wire.tables[0].files[0].key)
    assert (head.get("ServerSideEncryption"), head.get("SSEKMSKeyId")) == ("aws:kms", "alias/lake")


def test_a_storm_of_503_loses_nothing(
    s3: S3Gateway, layout: LakeLayout, export: SampleExport, contents: ExportContents, monkeypatch: pytest.MonkeyPatch
) -> None:
    dice, ask, slowed = random.Random(7), Connection.ask, []

    async def stormy(self: Connection, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        if dice.random() < 0.3:
            slowed.append(target)
            return Answer(503, {}, b"<Error><Code>SlowDown</Code></Error>")
        return await ask(self, method, target, headers, body)

    monkeypatch.setattr(Connection, "ask", stormy)
    assert mover(s3, layout).relocate(contents, export.record).rows == PARTS
    assert slowed


@pytest.mark.parametrize("write", range(1, PARTS + 1, 3))
def test_a_death_before_a_copy_costs_no_copy_made_before_it(
    s3: S3Gateway, layout: LakeLayout, export: SampleExport, contents: ExportContents, write: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    ask, copies = Connection.ask, list[str]()

    async def dying(self: Connection, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        if method == "PUT":
            if len(copies) + 1 >= write:
                raise SystemExit(137)
            copies.append(target)
        return await ask(self, method, target, headers, body)

    monkeypatch.setattr(Connection, "ask", dying)
    alone = Mover(s3=s3, layout=layout, kms_key="alias/lake", log=print, parallel=1)
    with pytest.raises(SystemExit):
        alone.relocate(contents, export.record)

    async def counting(
        self: Connection, method: str, target: str, headers: dict[str, str], body: bytes = b""
    ) -> Answer:
        copies.extend([target] if method == "PUT" else [])
        return await ask(self, method, target, headers, body)

    monkeypatch.setattr(Connection, "ask", counting)
    assert alone.relocate(contents, export.record).rows == PARTS
    assert len(copies) == len(set(copies)) == PARTS


@pytest.mark.exhaustive
def test_an_object_deleted_by_hand_in_between_is_named(
    s3: S3Gateway, clients: AwsClients, layout: LakeLayout, export: SampleExport, contents: ExportContents
) -> None:
    gone = contents.tables[0].files[3].key
    clients.s3.delete_object(Bucket="acme-exports", Key=gone)
    with pytest.raises(RelocationError) as caught:
        mover(s3, layout).relocate(contents, export.record)
    assert caught.value.problems == (f"s3://acme-exports/{gone}: AWS's copy is gone; export the date again",)


@pytest.mark.exhaustive
def test_a_second_relocation_of_the_date_at_the_same_time_ends_the_same(
    s3: S3Gateway, layout: LakeLayout, export: SampleExport, contents: ExportContents
) -> None:
    ends: list[Manifest] = []
    threads = [
        threading.Thread(target=lambda: ends.append(mover(s3, layout).relocate(contents, export.record)))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ends) == 2
    assert ends[0] == ends[1]


@pytest.mark.exhaustive
def test_a_run_whose_source_another_run_has_cleaned_up_takes_that_runs_manifest(
    s3: S3Gateway, layout: LakeLayout, export: SampleExport, contents: ExportContents
) -> None:
    first = mover(s3, layout).relocate(contents, export.record)
    after_publish(s3, layout, first, keep_export=False, log=print)
    lines: list[str] = []
    assert mover(s3, layout, lines).relocate(contents, export.record) == first
    assert "another run relocated 2026-11-20" in lines[-1]


def test_a_copy_that_lost_bytes_is_named(
    s3: S3Gateway, clients: AwsClients, layout: LakeLayout, export: SampleExport, contents: ExportContents,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    settle, hurt = Batch._answer_of, "part-00002"

    async def truncating(self: Batch, request: S3Request, *rest: Any) -> Answer | None:
        answer = await settle(self, request, *rest)
        if request.method == "PUT" and hurt in request.key:
            clients.s3.put_object(Bucket="acme-lake", Key=request.key, Body=b"short")
        return answer

    monkeypatch.setattr(Batch, "_answer_of", truncating)
    with pytest.raises(RelocationError) as caught:
        mover(s3, layout).relocate(contents, export.record)
    (problem,) = caught.value.problems
    assert hurt in problem
    assert "5 bytes instead of" in problem
