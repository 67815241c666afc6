"""Relocation: everything is copied, verified and resumable, or no manifest says so."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rds_lake.aws.s3.copying import CopyLimits
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.objects import MIB, ObjectHead
from rds_lake.errors import MalformedExportError, RelocationError
from rds_lake.model.exports.info import InfoColumn
from rds_lake.model.lake.manifest import Manifest
from rds_lake.stages.databases.inspect import ExportContents, inspect_export
from rds_lake.stages.databases.relocation.copied import merge_schema
from rds_lake.stages.databases.relocation.relocate import Mover, compare
from rds_lake_tests.stages.databases.relocation.built_export import build_export, built_record, info_entry, parquet
from rds_lake_tests.support.world import World


def contents(world: World, files: dict[str, bytes], *entries: dict[str, Any]) -> ExportContents:
    task, _ = build_export(world, files, list(entries))
    return inspect_export(world.gateways.s3, task=task, include=())


def mover(world: World, s3: S3Gateway | None = None, **changes: Any) -> Mover:
    arguments = {"layout": world.gateways.layout, "kms_key": "alias/rds-lake", "log": world.lines.append} | changes
    return Mover(s3=s3 or world.gateways.s3, **arguments)


def parts(table: str, count: int, rows: int = 3) -> dict[str, bytes]:
    return {
        f"shop/public.{table}/1/part-{n:05}-x-c000.gz.parquet": parquet(rows, start=n * rows) for n in range(count)
    } | {f"shop/public.{table}/1/_SUCCESS": b""}


@pytest.mark.exhaustive
def test_an_export_of_more_objects_than_a_page_of_a_listing_is_relocated_whole(world: World) -> None:
    body, count = parquet(1), 1010
    files = {f"shop/public.big/1/part-{n:05}-x-c000.gz.parquet": body for n in range(count)}
    found = contents(world, files | {"shop/public.big/1/_SUCCESS": b""}, info_entry("big"))
    # In-process calls: five thousand requests through a socket would only measure moto.
    gateway = S3Gateway(world.clients.client("s3"))
    manifest = mover(world, gateway).relocate(found, built_record())
    assert (manifest.files, manifest.rows) == (count, count)
    assert len(world.keys("lake/shop/")) == count
    assert all(file.checksum for file in manifest.tables[0].files)


def test_only_parquet_is_moved_and_the_index_folder_becomes_part_of_the_name(world: World) -> None:
    found = contents(world, parts("orders", 2), info_entry("orders"))
    mover(world).relocate(found, built_record())
    folder = "lake/shop/shop/public.orders/snapshot_date=2026-11-20/built-1/"
    assert world.keys("lake/shop/") == [f"{folder}1-part-0000{n}-x-c000.gz.parquet" for n in range(2)]


def test_copies_are_encrypted_with_the_lakes_key(world: World) -> None:
    manifest = mover(world).relocate(contents(world, parts("orders", 1), info_entry("orders")), built_record())
    head = world.clients.client("s3").head_object(Bucket="acme-lake", Key=manifest.tables[0].files[0].key)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", "alias/rds-lake")


def test_an_empty_table_has_its_types_from_the_announcement(world: World) -> None:
    found = contents(world, {"shop/public.empty/1/_SUCCESS": b""}, info_entry("empty"))
    (table,) = mover(world).relocate(found, built_record()).tables
    assert (table.files, table.rows) == ((), 0)
    assert [(column.name, column.hive_type) for column in table.columns] == [("id", "bigint"), ("name", "string")]


def test_where_footer_and_announcement_disagree_the_footer_wins_and_it_is_noted(world: World) -> None:
    announced = (("id", "integer", "int32"), ("gone", "text", "binary (UTF8)"))
    (table,) = (
        mover(world).relocate(contents(world, parts("t", 1), info_entry("t", columns=announced)), built_record()).tables
    )
    assert [(c.name, c.hive_type, c.original_type) for c in table.columns] == [
        ("id", "bigint", "integer"),
        ("name", "string", None),
    ]
    assert len(table.schema_notes) == 3


def test_an_unknown_announced_type_is_what_the_footer_says_and_text_only_without_files(world: World) -> None:
    announced = (("id", "bigint", "int77 (HUGE)"), ("name", "text", "binary (STRING)"))
    (table,) = (
        mover(world).relocate(contents(world, parts("t", 1), info_entry("t", columns=announced)), built_record()).tables
    )
    assert [column.hive_type for column in table.columns] == ["bigint", "string"]
    assert table.schema_notes == (
        "column id was announced as int77 (HUGE), which rds-lake does not know; it is bigint in the files",
    )
    columns, notes = merge_schema(None, [InfoColumn(name="id", original_type="bigint", expected_type="int77 (HUGE)")])
    assert ([column.hive_type for column in columns], len(notes)) == (["string"], 1)


def test_an_object_above_the_limit_goes_by_parts_and_arrives_whole(world: World) -> None:
    body = parquet(4, padding=11 * MIB)
    found = contents(world, {"shop/public.big/1/part-00000-x.gz.parquet": body, "shop/public.big/1/_SUCCESS": b""},
                     info_entry("big"))  # fmt: skip
    limits = CopyLimits(threshold_bytes=6 * MIB, part_bytes=5 * MIB)
    manifest = mover(world, limits=limits).relocate(found, built_record())
    s3 = world.clients.client("s3")
    key = manifest.tables[0].files[0].key
    assert s3.get_object(Bucket="acme-lake", Key=key)["Body"].read() == body
    assert s3.head_object(Bucket="acme-lake", Key=key)["ETag"].endswith('-3"'), "three parts"
    assert s3.list_multipart_uploads(Bucket="acme-lake").get("Uploads", []) == []


def test_parts_cover_an_object_of_any_size_without_gap_in_at_most_10000() -> None:
    for size in (1, 5 * 2**30 + 1, 5 * 2**40):
        ranges = CopyLimits(part_bytes=5 * MIB).parts(size)
        assert len(ranges) <= 10_000
        assert ranges[0][0] == 0
        assert ranges[-1][1] == size - 1
        assert all(after[0] == before[1] + 1 for before, after in itertools.pairwise(ranges))


class Spoiled:
    """An S3 client whose calls can be made to go wrong: `spoil(operation, arguments)` may raise."""

    def __init__(self, client: Any, spoil: Callable[[str, dict[str, Any]], None]) -> None:
        self._client, self._spoil = client, spoil
        self.calls: list[tuple[str, str]] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._client, name)
        if name == "get_paginator":
            return real

        def call(**arguments: Any) -> Any:
            self.calls.append((name, str(arguments.get("Key", ""))))
            self._spoil(name, arguments)
            return real(**arguments)

        return call


def spoiled(world: World, spoil: Callable[[str, dict[str, Any]], None]) -> tuple[S3Gateway, Spoiled]:
    client = Spoiled(world.aws.session().client("s3", endpoint_url=world.cloud.url), spoil)
    return S3Gateway(client), client  # type: ignore[arg-type]


def refuse(operation: str, *fragments: str) -> Callable[[str, dict[str, Any]], None]:
    def spoil(name: str, arguments: dict[str, Any]) -> None:
        if name == operation and any(fragment in arguments["Key"] for fragment in fragments):
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "kms:Decrypt"}}, "CopyObject")

    return spoil


def test_copies_that_fail_fail_the_run_by_name_and_leave_the_export_untouched(world: World) -> None:
    found = contents(world, parts("orders", 5), info_entry("orders"))
    before = world.keys("exports/")
    gateway, _ = spoiled(world, refuse("copy_object", "part-00001", "part-00003"))
    with pytest.raises(RelocationError) as caught:
        mover(world, gateway).relocate(found, built_record())
    assert len(caught.value.problems) == 2
    assert "part-00003" in str(caught.value)
    assert "kms:Decrypt" in str(caught.value)
    assert world.keys("exports/") == before
    assert not [key for key in world.keys() if key.endswith("2026-11-20.json")], "no manifest"


def test_a_repetition_copies_only_what_is_missing(world: World) -> None:
    found = contents(world, parts("orders", 5), info_entry("orders"))
    gateway, _ = spoiled(world, refuse("copy_object", "part-00003"))
    with pytest.raises(RelocationError):
        mover(world, gateway).relocate(found, built_record())
    gateway, client = spoiled(world, lambda name, arguments: None)
    manifest = mover(world, gateway).relocate(found, built_record())
    assert manifest.rows == 15
    assert [key.rsplit("/", 1)[-1] for name, key in client.calls if name == "copy_object"] == [
        "1-part-00003-x-c000.gz.parquet"
    ]


def test_a_first_attempt_asks_nothing_about_copies_that_cannot_exist(world: World) -> None:
    gateway, client = spoiled(world, lambda name, arguments: None)
    mover(world, gateway).relocate(contents(world, parts("orders", 4), info_entry("orders")), built_record())
    assert [key for name, key in client.calls if name == "head_object"] == [], "the listing and the answers say it all"


def test_a_copy_of_wrong_content_is_found_though_its_size_is_right(world: World) -> None:
    source = ObjectHead(bytes=7, checksum="CRC32:aaaa")
    assert compare(source, ObjectHead(bytes=7, checksum="CRC32:aaaa")) is None
    assert compare(source, ObjectHead(bytes=7, checksum="SHA1:bbbb")) is None, "another algorithm says nothing"
    assert compare(source, ObjectHead(bytes=7, checksum=None)) is None
    assert "checksum" in str(compare(source, ObjectHead(bytes=7, checksum="CRC32:bbbb")))
    assert "8 bytes instead of 7" in str(compare(source, ObjectHead(bytes=8, checksum="CRC32:aaaa")))


def test_a_left_over_copy_of_wrong_content_is_copied_again(world: World) -> None:
    found = contents(world, parts("orders", 2), info_entry("orders"))
    manifest = mover(world).relocate(found, built_record())
    key = manifest.tables[0].files[0].key
    world.clients.client("s3").put_object(Bucket="acme-lake", Key=key, Body=b"x" * manifest.tables[0].files[0].bytes)
    again = mover(world).relocate(found, built_record())
    assert again.rows == manifest.rows


def test_throttling_is_absorbed_by_retries(world: World) -> None:
    client = world.aws.session().client("s3", endpoint_url=world.cloud.url, config=_config_with_retries())
    answered = {"count": 0}

    def throttle(request: Any, **_: Any) -> Any:
        answered["count"] += 1
        if answered["count"] % 4 == 0:
            return _slow_down(request.url)
        return None

    found = contents(world, parts("orders", 6), info_entry("orders"))
    client.meta.events.register("before-send.s3", throttle)
    manifest = mover(world, S3Gateway(client)).relocate(found, built_record())
    assert manifest.rows == 18
    assert answered["count"] > 20


def _config_with_retries() -> Any:
    from botocore.config import Config

    return Config(retries={"mode": "standard", "total_max_attempts": 8})


def _slow_down(url: str) -> Any:
    import io

    from botocore.awsrequest import AWSResponse

    class Body(io.BytesIO):
        def stream(self, amount: int = 65536, **_: Any) -> Any:
            yield self.read()

    body = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
    headers: Any = {"Content-Type": "application/xml"}
    return AWSResponse(url, 503, headers, Body(body))


def test_files_of_one_table_with_different_schemas_are_refused_by_name(world: World) -> None:
    files = parts("t", 1) | {"shop/public.t/1/part-00009-y.gz.parquet": parquet(1, padding=4096)}
    with pytest.raises(MalformedExportError, match="part-00009"):
        mover(world).relocate(contents(world, files, info_entry("t")), built_record())


def test_an_object_that_is_no_parquet_is_refused_by_name(world: World) -> None:
    files = parts("t", 1) | {"shop/public.t/1/part-00009-y.gz.parquet": b"garbage, really"}
    with pytest.raises(RelocationError, match=r"part-00009.*not a Parquet file"):
        mover(world).relocate(contents(world, files, info_entry("t")), built_record())


def test_a_footer_longer_than_the_first_read_is_read(world: World) -> None:
    import io

    import pyarrow as pa
    import pyarrow.parquet as pq

    wide = pa.table({f"column_with_a_long_name_{n}": pa.array([n], pa.int64()) for n in range(900)})
    buffer = io.BytesIO()
    pq.write_table(wide, buffer)
    columns = tuple((name, "bigint", "int64") for name in wide.column_names)
    files = {"shop/public.wide/1/part-00000-x.gz.parquet": buffer.getvalue(), "shop/public.wide/1/_SUCCESS": b""}
    manifest: Manifest = mover(world).relocate(
        contents(world, files, info_entry("wide", columns=columns)), built_record()
    )
    assert len(manifest.tables[0].columns) == 900
    assert manifest.tables[0].schema_notes == ()
