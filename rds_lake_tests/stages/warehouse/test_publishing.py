"""Results are whole or absent, and what others put somewhere stays there."""

import gzip
import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from time import sleep
from typing import Any

import pyarrow.parquet as pq
import pytest

from rds_lake.aws.warehouse.keys import KeysGateway
from rds_lake.model.warehouse.plan import FileFormat
from rds_lake.model.warehouse.record import PieceState, RunRecord
from rds_lake.stages.warehouse.turn import failures
from rds_lake.stages.warehouse.work.advance import advance, cancel
from rds_lake_tests.stages.warehouse.running import BEGAN, REPORTS, Running, csv_result, errors, plan_of, record_of

ROWS = "select 1 as id, 'a;\"b'::varchar(9) as note union all select 2, null order by 1"
TWO = {"single_file": False, "header": False}


def publish(running: Running, *results: Any, run: str = "run-1", later: int = 0) -> RunRecord:
    record = record_of(plan_of(*results, run=run), BEGAN + timedelta(minutes=later))
    return running.finish(record)


@pytest.mark.parametrize(
    ("changes", "name", "body"),
    [
        ({}, "r.csv", b'id,note\n1,"a;""b"\n2,\n'),
        ({"delimiter": ";"}, "r.csv", b'id;note\n1;"a;""b"\n2;\n'),
        ({"format": FileFormat.JSON, "header": False}, "r.json", b'{"id":1,"note":"a;\\"b"}\n{"id":2,"note":null}\n'),
    ],
)
def test_a_result_is_one_object_with_the_wanted_name(
    running: Running, changes: dict[str, Any], name: str, body: bytes
) -> None:
    record = publish(running, csv_result("r", ROWS, to=f"s3://{REPORTS}/", **changes))
    assert errors(record) == {} and running.objects() == {name: body}
    assert record.pieces[0].files == (f"s3://{REPORTS}/{name}",) and record.pieces[0].rows == 2


@pytest.mark.parametrize("other", ["run-1", "run-2"])
def test_a_result_that_another_publishes_for_the_first_time_between_two_looks_is_no_strangers(
    running: Running, other: str
) -> None:
    """Another turn of the same run, or an earlier run."""
    events, once = running.client("s3").meta.events, [other]

    def meanwhile(params: Any, **_: Any) -> None:
        if once and "acme-reports" in params["url"]:
            publish(running, csv_result("r", "select 7", **TWO), run=once.pop())

    events.register("before-call.s3.ListObjectsV2", meanwhile, unique_id="meanwhile")
    try:
        record = publish(running, csv_result("r", "select 7", **TWO), run="run-2", later=5)
    finally:
        events.unregister("before-call.s3.ListObjectsV2", unique_id="meanwhile")
    assert errors(record) == {} and not once
    assert json.loads(running.objects()["r/_manifest.json"])["run"] == "run-2"


@pytest.mark.exhaustive
def test_packed_and_columnar_results_are_one_object_too(running: Running) -> None:
    packed = csv_result("p", ROWS, to=f"s3://{REPORTS}/", gzip=True)
    columnar = csv_result("c", ROWS, to=f"s3://{REPORTS}/", format=FileFormat.PARQUET, header=False)
    assert errors(publish(running, packed, columnar)) == {}
    found = running.objects()
    assert gzip.decompress(found["p.csv.gz"]).startswith(b"id,note\n1,")
    assert pq.read_table(io.BytesIO(found["c.parquet"])).to_pylist()[1] == {"id": 2, "note": None}


def test_a_result_of_several_files_is_what_its_manifest_names(running: Running) -> None:
    publish(running, csv_result("r", ROWS, **TWO))
    publish(running, csv_result("r", "select 7 as id union all select 8", **TWO), run="run-2", later=5)
    found = running.objects()
    entries = json.loads(found["r/_manifest.json"])["entries"]
    keys = [entry["url"].removeprefix(f"s3://{REPORTS}/") for entry in entries]
    assert keys == ["r/run=run-2/0000_part_00", "r/run=run-2/0001_part_00"]
    assert b"".join(found[key] for key in keys) == b"7\n8\n"
    assert [entry["meta"]["content_length"] for entry in entries] == [2, 2]
    assert {key for key in found if "run-1" in key} != set()  # somebody may be reading them


@pytest.mark.exhaustive
def test_an_alias_of_the_lakes_key_is_the_keys_arn_to_redshift(running: Running) -> None:
    """UNLOAD takes the id or ARN of a key (https://docs.aws.amazon.com/redshift/latest/dg/r_UNLOAD.html)."""
    kms = running.client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/acme-lake", TargetKeyId=key["KeyId"])
    record = record_of(plan_of(csv_result("r", ROWS)))
    record = running.finish(record, kms_key="alias/acme-lake", keys=KeysGateway(kms))
    sent = running.client("redshift-data").describe_statement(Id=record.pieces[0].statement)["QueryString"]
    assert errors(record) == {} and f"KMS_KEY_ID '{key['Arn']}' ENCRYPTED" in sent


@pytest.mark.exhaustive
def test_no_rows_are_a_file_with_its_header(running: Running) -> None:
    record = publish(running, csv_result("r", "select 1 as id where 1 = 2"))
    assert running.objects() == {"r/r.csv": b"id\n"} and record.pieces[0].notes == ("it has no rows",)
    record = publish(
        running, csv_result("j", "select 1 as id where 1 = 2", format=FileFormat.JSON, header=False), run="run-2"
    )
    assert "file without rows" in record.pieces[0].notes[0] and record.pieces[0].state is PieceState.DONE


@pytest.mark.exhaustive
@pytest.mark.parametrize("changes", [{}, TWO])
def test_what_is_not_of_the_result_is_left_alone(running: Running, changes: dict[str, Any]) -> None:
    running.put("r/r.csv", b"mine", bucket=REPORTS)
    said = errors(publish(running, csv_result("r", ROWS, **changes)))["r"]
    assert "r/r.csv does not belong to this result" in said
    assert running.objects() == {"r/r.csv": b"mine"}


def test_the_next_run_replaces_the_result_and_an_earlier_one_does_not(running: Running) -> None:
    publish(running, csv_result("r", ROWS), csv_result("s", ROWS, **TWO), run="run-2", later=5)
    before = running.objects()
    said = errors(
        publish(running, csv_result("r", "select 9 as x"), csv_result("s", "select 9 as x", **TWO), run="run-1")
    )
    assert "a later run, started at" in said["r"] and "a later run, started at" in said["s"]
    assert running.objects() == before
    publish(running, csv_result("r", "select 9 as x"), csv_result("s", "select 9 as x", **TWO), run="run-3", later=9)
    assert running.objects()["r/r.csv"] == b"x\n9\n" and b"run=run-3" in running.objects()["s/_manifest.json"]


@contextmanager
def before_the_copy(running: Running, change: Callable[[dict[str, Any]], object]) -> Iterator[None]:
    """Once, between the look at a result's place and the copy to it; with the arguments of the copy."""

    def first(params: dict[str, Any], **_: Any) -> None:
        events.unregister("provide-client-params.s3.CopyObject", unique_id="between")
        change(params)

    events = running.client("s3").meta.events
    events.register("provide-client-params.s3.CopyObject", first, unique_id="between")
    try:
        yield
    finally:
        events.unregister("provide-client-params.s3.CopyObject", unique_id="between")


def test_what_comes_in_between_is_not_overwritten(running: Running) -> None:
    with before_the_copy(running, lambda _: running.put("r/r.csv", b"theirs", bucket=REPORTS)):
        said = errors(publish(running, csv_result("r", ROWS)))["r"]
    assert "does not belong to this result" in said and running.objects() == {"r/r.csv": b"theirs"}


def test_a_result_that_another_turn_of_the_run_published_in_between_is_published(running: Running) -> None:
    """Mutation that fails it: the conflict is the unload's error."""
    other = running.cloud.clients.client("s3")
    with before_the_copy(running, lambda params: other.copy_object(**params)):
        record = publish(running, csv_result("r", ROWS))
    assert errors(record) == {} and record.pieces[0].files == (f"s3://{REPORTS}/r/r.csv",)
    assert running.objects()["r/r.csv"].startswith(b"id,note\n1,")


@pytest.mark.parametrize(
    ("minutes", "stays", "refusal"), [(9, b"theirs", "a later run, started at"), (-9, b"ours\n", "")]
)
def test_of_two_runs_that_publish_at_once_the_later_stays(
    running: Running, minutes: int, stays: bytes, refusal: str
) -> None:
    other = running.cloud.clients.client("s3")

    def come(params: dict[str, Any]) -> None:
        metadata = params["Metadata"] | {
            "rds-lake-run": "run-2",
            "rds-lake-began": (BEGAN + timedelta(minutes=minutes)).isoformat(),
        }
        other.put_object(Bucket=REPORTS, Key="r/r.csv", Body=b"theirs", Metadata=metadata)

    with before_the_copy(running, come):
        said = errors(publish(running, csv_result("r", "select 'ours' as id", header=False)))
    assert running.objects() == {"r/r.csv": stays}
    assert refusal in said.get("r", "") and bool(said) == bool(refusal)


@pytest.mark.exhaustive
def test_a_result_that_is_too_large_for_one_file_is_absent(running: Running) -> None:
    wide = "select repeat('x', 60000)::varchar(60000) as a from (select 1 as n union all select 2)"
    said = errors(publish(running, csv_result("r", wide, most_bytes=100_000)))["r"]
    assert "larger than 100,000 bytes, the limit of a single file" in said and running.objects() == {}


@pytest.mark.exhaustive
def test_a_result_that_would_be_twice_as_long_as_one_file_may_be_is_not_even_written(running: Running) -> None:
    """Mutation that fails it: the question before the UNLOAD is left out."""
    many = (
        "select a.n, repeat('ä', 100)::varchar(200) as t from (" + " union all ".join(["select 1 as n"] * 100) + ") a"
    )
    record = publish(running, csv_result("r", f"with a as ({many}) select * from a order by n;", most_bytes=10_000))
    assert errors(record)["r"].startswith(
        "unload r: its result has 100 rows, about 0.00 GiB by an estimate from the first 100"
    )
    assert "nothing was written. Remove `single_file`, select fewer rows, or add `gzip`" in errors(record)["r"]
    staged = running.objects("acme-lake", "lake/_warehouses/usage/staging/run-1/")
    sent = [one.name.rpartition("/")[2] for one in running.context().data.named("rds-lake/abc/usage/run-1/")]
    assert (sent, staged, running.objects()) == (["0"], {}, {})


@pytest.mark.exhaustive
def test_a_result_that_fits_once_it_is_packed_is_written(running: Running) -> None:
    many = "select repeat('x', 200)::varchar(200) as t from (" + " union all ".join(["select 1 as n"] * 200) + ")"
    assert errors(publish(running, csv_result("r", many, most_bytes=20_000, gzip=True))) == {}


@pytest.mark.exhaustive
def test_a_query_that_is_wrong_is_said_by_unload_itself_and_the_run_names_it_once(running: Running) -> None:
    record = publish(running, csv_result("r", "select nothing from nowhere"))
    said = errors(record)["r"]
    assert "nowhere" in said and said.endswith("nothing was published")
    assert str(failures(record)).count("unload r") == 1


@pytest.mark.exhaustive
def test_files_that_are_not_what_redshift_said_are_not_published(running: Running) -> None:
    s3 = running.cloud.clients.client("s3")

    def damage(**_: Any) -> None:
        folder = "lake/_warehouses/usage/staging/run-1/unload/"
        for item in s3.list_objects_v2(Bucket="acme-lake", Prefix=folder).get("Contents", ()):
            if not item["Key"].endswith("manifest"):
                s3.put_object(Bucket="acme-lake", Key=item["Key"], Body=b"1")

    events = running.client("s3").meta.events
    events.register("before-call.s3.GetObject", damage, unique_id="damage")
    try:
        said = errors(publish(running, csv_result("r", ROWS)))["r"]
    finally:
        events.unregister("before-call.s3.GetObject", unique_id="damage")
    assert "are incomplete" in said and "has 1 bytes instead of" in said and running.objects() == {}


def test_a_cancelled_run_ends_and_publishes_nothing(running: Running) -> None:
    running.faults(redshift=[{"delay_seconds": 60}])
    running.wait_seconds = 0
    record = record_of(plan_of(csv_result("r", ROWS), csv_result("s", ROWS)))
    sent = advance(record, running.target, running.context())
    assert sent.pieces[0].state is PieceState.RUNNING
    for start in (sent, replace(record, pieces=record.pieces)):  # also of what was sent and not recorded
        for _ in range(600):
            start = cancel(start, running.target, running.context())
            if all(piece.has_ended for piece in start.pieces):
                break
            sleep(0.05)  # the cancelled statement ends in a thread of the local cloud
        assert {piece.state for piece in start.pieces} == {PieceState.FAILED}
    assert not [one for one in running.context().data.named("rds-lake/") if one.is_active]
    assert running.objects() == {}
