"""Nothing is deleted but what lake.yaml gives to the source, whoever wrote what into the lake."""

import ast
import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.glue import GlueGateway
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.many import ManyS3
from rds_lake.aws.s3.objects import Upload
from rds_lake.aws.s3.wire import open_wire
from rds_lake.config.shared import Retention
from rds_lake.errors import RdsLakeError, RefusedDeleteError
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.model.lake.deletable import deletable_of_lake, deletable_of_source
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.databases.own_exports import OwnExports
from rds_lake.stages.publish import by_hand
from rds_lake.stages.upkeep.folders import Exports
from rds_lake.stages.upkeep.prune import apply_prune, plan_prune
from rds_lake_tests.support.faults import Faults
from rds_lake_tests.support.world import World, until

SESSION = boto3.Session()  # kept: every session reads AWS's service models again
PACKAGE = Path(__file__).parent.parent / "rds_lake"
# Rooms that have nothing of a lake: the stand-in for AWS deletes as it is told to.
EXEMPT = {"localcloud"}
# What takes something away in S3 or Glue, by boto3 or by our own wire, and the only functions that may call it. All of them
# ask `deletable` first, or give up what they began themselves.
DELETES = {
    "delete_object": {"aws/s3/gateway.py:_delete_batch"},
    "delete_objects": {"aws/s3/gateway.py:_delete_batch"},
    "delete_request": {"aws/s3/many.py:requests"},
    "_delete_batch": {"aws/s3/gateway.py:delete"},
    "abort_multipart_upload": {"aws/s3/copying.py:_abort", "aws/s3/gateway.py:abort_upload", "aws/s3/stream.py:abort"},
    "delete_table": {"aws/glue.py:delete_view"},
    "batch_delete_partition": {"aws/glue.py:delete_partitions"},
} | {
    name: set[str]()
    for name in (
        "delete_bucket",
        "put_bucket_lifecycle_configuration",
        "delete_object_tagging",
        "delete_objects_async",
        "delete_database",
        "delete_partition",
        "batch_delete_table",
        "delete_table_version",
        "batch_delete_table_version",
    )
}
# What takes away what a warehouse made: by the looks at what its lease names, and a lease names nothing else (`test_forged.py`).
LEFTOVERS = {
    "delete_cluster": {"aws/warehouse/clusters.py:delete_cluster", "stages/warehouse/leftovers.py:_made"},
    "delete_workgroup": {"aws/warehouse/serverless.py:delete_workgroup", "stages/warehouse/leftovers.py:_made"},
    "delete_namespace": {"aws/warehouse/serverless.py:delete_namespace", "stages/warehouse/leftovers.py:_made"},
    "delete_cluster_snapshot": {"aws/warehouse/clusters.py:delete_snapshot"},
    "delete_snapshot": {
        "aws/warehouse/serverless.py:delete_snapshot",
        "stages/warehouse/leftovers.py:_delete_snapshot",
        "stages/warehouse/leftovers.py:_snapshots",
    },
    "delete_cluster_subnet_group": {"aws/warehouse/clusters.py:delete_subnet_group"},
    "delete_subnet_group": {"stages/warehouse/leftovers.py:_groups"},
    "delete_cluster_parameter_group": {"aws/warehouse/clusters.py:delete_parameter_group"},
    "delete_parameter_group": {"stages/warehouse/leftovers.py:_groups"},
    "delete_secret": {"aws/secrets.py:delete"},
    "delete_role": {"aws/warehouse/roles.py:delete"},
    "delete_role_policy": {"aws/warehouse/roles.py:delete"},
}


def calls(path: Path) -> Iterator[tuple[str, str]]:
    """What is called or handed on by name, and the function that does it."""

    def walk(node: ast.AST, function: str) -> Iterator[tuple[str, str]]:
        for child in ast.iter_child_nodes(node):
            inside = child.name if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else function
            if isinstance(child, ast.Attribute | ast.Name):
                yield (child.attr if isinstance(child, ast.Attribute) else child.id), inside
            elif isinstance(child, ast.Constant) and isinstance(child.value, str):
                yield child.value, inside  # getattr(client, "delete_objects")
            yield from walk(child, inside)

    yield from walk(ast.parse(path.read_text(encoding="utf-8")), "")


def test_every_delete_goes_through_the_functions_that_ask_first() -> None:
    allowed = DELETES | LEFTOVERS
    found: dict[str, set[str]] = {name: set() for name in allowed}
    for path in PACKAGE.rglob("*.py"):
        place = path.relative_to(PACKAGE)
        if place.parts[0] not in EXEMPT:
            for name, function in calls(path):
                if name in allowed:
                    found[name].add(f"{place}:{function}")
    assert found == allowed


SHOP = deletable_of_source(
    LakeLayout(bucket="acme-lake", prefix="lake"), "shop", ("acme-exports", "exports"), owns={"shop-1"}.__contains__
)


@pytest.mark.parametrize(
    ("bucket", "key"),
    [
        ("acme-lake", "lake/shop/shop/public.orders/snapshot_date=2026-11-20/shop-1/1-part.parquet"),
        ("acme-lake", "lake/shop/a\nb%2e%2e/..c/\x01"),
        ("acme-lake", "lake/_manifests/shop/2026-11-20.json"),
        ("acme-lake", "lake/_manifests/shop/_schemas/Users.json"),
        ("acme-lake", "lake/_snapshots/shop/2026-11-20-x.parquet"),
        ("acme-lake", "lake/_jobs/shop/x.1.Users.request"),
        ("acme-exports", "exports/shop-1/shop/public.orders/1/part.parquet"),
        ("acme-exports", "exports/shop-1/"),
    ],
)
def test_a_source_may_delete_its_own(bucket: str, key: str) -> None:
    SHOP.require(bucket, [key])


@pytest.mark.parametrize(
    ("bucket", "key"),
    [
        ("victim", "lake/shop/x"),
        ("acme-exports", "lake/shop/x"),
        ("acme-lake", "exports/shop-1/x"),
        ("acme-lake", ""),
        ("acme-lake", "lake/"),
        ("acme-lake", "lake/shop"),
        ("acme-lake", "lake/shop2/x"),
        ("acme-lake", "lake/_manifests/x"),
        ("acme-lake", "lake/_manifests/shop2/x"),
        ("acme-lake", "lake/_athena/x"),
        ("acme-lake", "lake/_jobs/3f9c2d71ab04/spark_job.py"),
        ("acme-lake", "lake/shop/../other/x"),
        ("acme-lake", "lake/shop/./x"),
        ("acme-lake", "lake/shop/x/.."),
        ("acme-lake", "/lake/shop/x"),
        ("acme-lake", "s3://acme-lake/lake/shop/x"),
        ("acme-exports", "exports/"),
        ("acme-exports", "exports/shop-1"),
        ("acme-exports", "exports/shop-10/x"),
        ("acme-exports", "exports//shop-1/x"),
        ("acme-exports", "exports/other/shop-1/x"),
        ("acme-exports", "exports/shop-1/../other/x"),
    ],
)
def test_a_source_may_not_delete_what_is_not_its_own(bucket: str, key: str) -> None:
    with pytest.raises(RefusedDeleteError, match=r"lake\.yaml does not give the source shop"):
        SHOP.require(bucket, ["lake/shop/x" if bucket == "acme-lake" else "exports/shop-1/x", key])


PREFIXES = st.sampled_from(["", "lake", "a/b"])
SEGMENTS = st.one_of(
    st.sampled_from(
        ["..", ".", "", "shop", "shop2", "_manifests", "_jobs", "exports", "shop-1", "%2e%2e", "lake", "\n"]
    ),
    st.text(max_size=8),
)


@given(prefix=PREFIXES, exports=PREFIXES, key=st.lists(SEGMENTS, max_size=6).map("/".join), same=st.booleans())
def test_whatever_the_key_it_goes_only_from_under_the_sources_own_folders(
    prefix: str, exports: str, key: str, same: bool
) -> None:
    bucket = "acme-lake" if same else "acme-exports"
    layout = LakeLayout(bucket="acme-lake", prefix=prefix)
    shop = deletable_of_source(layout, "shop", (bucket, exports), owns={"shop-1"}.__contains__)
    folders = (layout.source_folder, layout.manifest_folder, layout.snapshot_log_folder, layout.job_folder)
    own = [folder("shop") for folder in folders]
    allowed = {("acme-lake", folder) for folder in own} | {(bucket, f"{exports}/shop-1/".lstrip("/"))}
    for where in ("acme-lake", "acme-exports", "victim"):
        try:
            shop.require(where, [key])
        except RefusedDeleteError:
            continue
        (inside,) = [folder for one, folder in allowed if one == where and key.startswith(folder)]
        # Also when somebody on the way resolves it as a path.
        assert all(part not in ("..", ".") for part in key.removeprefix(inside).split("/"))


@pytest.fixture
def clients(session_cloud: LocalCloud) -> AwsClients:
    session_cloud.reset()
    clients = AwsClients(SESSION, region="us-east-1", endpoint_url=session_cloud.url, attempts=1)
    for bucket in ("acme-lake", "victim"):
        clients.s3.create_bucket(Bucket=bucket)
        for key in ("lake/shop/x", "lake/other/x"):
            clients.s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    return clients


@pytest.mark.parametrize("limited", [True, False])
def test_a_gateway_refuses_before_it_asks_s3_for_anything(clients: AwsClients, limited: bool) -> None:
    """Also the one that nobody gave a place to, for all keys of a call because of one of them."""
    gateway = S3Gateway(clients.s3, open_wire(clients, 2), SHOP if limited else None)
    many = ManyS3(gateway, 2)
    wire, faults = gateway.wire, Faults(clients.s3)
    assert wire is not None
    wire.send_all = lambda *_: pytest.fail("asked by wire")  # type: ignore[method-assign]
    upload = Upload(key="lake/other/x", upload_id="1", initiated=datetime.now(UTC), bytes=1)
    for attempt in (
        lambda: gateway.delete("acme-lake", ["lake/shop/x", "lake/other/x"]),
        lambda: gateway.delete("victim", ["lake/shop/x"]),
        lambda: many.delete("acme-lake", ["lake/shop/x", "lake/other/x"]),
        lambda: many.delete("victim", ["lake/shop/x"]),
        lambda: gateway.abort_upload("acme-lake", upload),
    ):
        with pytest.raises(RefusedDeleteError, match="nothing was deleted"):
            attempt()
    assert faults.calls == []


def test_a_catalogue_limited_to_a_source_takes_nothing_from_another_database(clients: AwsClients) -> None:
    client = clients.client("glue")
    glue, faults = GlueGateway(client).limited("shop"), Faults(client)
    for attempt in (
        lambda: glue.delete_view("other", "orders"),
        lambda: glue.delete_partitions("other", "snapshots_orders", [("2026-11-20",)]),
    ):
        with pytest.raises(RefusedDeleteError, match=r"the source shop .* of the database 'other'"):
            attempt()
    assert faults.calls == []


CONTROL = [f"lake/shop/a{character}b" for character in "\x01\t\r\x1f\x7f\x85\u2028\ufffe"]


@pytest.mark.parametrize("threads", [2, None])
def test_a_key_with_a_control_character_goes_and_takes_no_others_with_it(
    clients: AwsClients, threads: int | None
) -> None:
    """XML cannot hold it: S3 would refuse the whole request, and clean-up would never end."""
    for key in CONTROL:
        clients.s3.put_object(Bucket="acme-lake", Key=key, Body=b"x")
    gateway = S3Gateway(clients.s3, open_wire(clients, threads) if threads else None, SHOP)
    ManyS3(gateway, 2).delete("acme-lake", ["lake/shop/x", *CONTROL])
    assert [item.key for item in gateway.list_objects("acme-lake", "")] == ["lake/other/x"]


DAY = date(2026, 11, 20)
MANIFEST = "lake/_manifests/shop/2026-11-20.json"
OTHERS = {
    "victim": ("payroll/2026/a.csv", "payroll/keep.csv", "shop-1/a"),
    "acme-lake": (
        "lake/other/db/public.t/snapshot_date=2026-11-20/task-1/1-part.parquet",
        "lake/_manifests/other/2026-11-20.json",
        "exports/payroll/a.csv",
        "exports/reviews-2026-11-20/AWSDynamoDB/1/data/a.json.gz",
    ),
}
Change = Callable[[dict[str, Any]], object]


def export(**changes: str) -> Change:
    return lambda manifest: manifest["export"].update(changes)


def copy_of(bucket: str, folder: str) -> dict[str, str]:
    return {"bucket": bucket, "folder": folder, "export_task": folder.rstrip("/").rpartition("/")[2]}


def part(**changes: Any) -> Change:
    told = {"table": "x", "export_arn": "arn:aws:dynamodb:us-east-1:1:table/x/export/2026", "folder": "payroll/2026/"}
    told |= {"manifest_key": "k", "items": 0, "billed_bytes": 0} | changes
    return lambda manifest: manifest["export"].update(parts=[told], bucket="victim")


def table(**changes: str) -> Change:
    return lambda manifest: manifest["tables"][0].update(changes)


FORGED: dict[str, Change] = {
    "another bucket": export(**copy_of("victim", "payroll/2026/")),
    "another bucket, all of a folder": export(**copy_of("victim", "payroll/")),
    "what is no export, where exports are": export(**copy_of("acme-lake", "exports/payroll/")),
    "another source's export": export(**copy_of("acme-lake", "exports/reviews-2026-11-20/")),
    "an export that AWS knows, of another bucket": export(**copy_of("victim", "shop-1/")),
    "another source's folder": export(**copy_of("acme-lake", "lake/other/")),
    "another source's manifests": export(**copy_of("acme-lake", "lake/_manifests/other/")),
    "up and away": export(bucket="acme-lake", folder="exports/x/../payroll/", export_task="payroll"),
    "everything": export(bucket="victim", folder="", export_task=""),
    "parts of DynamoDB": part(),
    "superseded": lambda manifest: manifest.update(superseded=[copy_of("victim", "payroll/2026/")]),
    "superseded of another source": lambda manifest: manifest.update(
        superseded=[copy_of("acme-lake", "exports/reviews-2026-11-20/")]
    ),
    "a table's home": table(home="s3://acme-lake/lake/other/db/public.t/"),
    "a table's place": table(location="s3://acme-lake/lake/other/db/public.t/snapshot_date=2026-11-20/none/"),
    "another source's name": export(source="other"),
    "another date": export(snapshot_date="2026-11-19"),
    "in place in another bucket": lambda manifest: (
        manifest.update(version=2),
        manifest["export"].update(copy_of("victim", "payroll/2026/")),
        [
            one.update(location="s3://victim/payroll/2026/x/", home=one["location"].split("snapshot_date=")[0])
            for one in manifest["tables"]
        ],
    ),
}


def forge(world: World, how: Change) -> None:
    """Change the date's manifest, as whoever can write one object can."""
    manifest = json.loads(world.root.s3.get_text("acme-lake", MANIFEST))
    how(manifest)
    world.root.s3.put_text("acme-lake", MANIFEST, json.dumps(manifest), kms_key=None)


def others(world: World) -> dict[str, tuple[str, ...]]:
    """What is there of others."""
    here = {bucket: {item.key for item in world.root.s3.list_objects(bucket, "")} for bucket in OTHERS}
    return {bucket: tuple(key for key in names if key in here[bucket]) for bucket, names in OTHERS.items()}


def test_a_forged_manifest_has_nothing_of_others_deleted(world: World) -> None:
    """Cleaned up by a run, by a person's publishing, or given up by retention."""
    s3 = world.clients.client("s3")
    s3.create_bucket(Bucket="victim")
    for bucket, names in OTHERS.items():
        for key in names:
            s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    world.snapshot("2026-11-20")
    world.publish("2026-11-20")
    good = world.root.s3.get_text("acme-lake", MANIFEST)
    now, run = datetime.now(UTC), world.run()
    for number, (name, how) in enumerate(FORGED.items()):
        forge(world, how)
        with pytest.raises(RdsLakeError):
            run.shared.publish(DAY, now=now)
        if number % 5 == 0:  # its way to the clean-up is the same
            with pytest.raises(RdsLakeError):
                by_hand.approve(run.shared.publisher(now), DAY)
        assert others(world) == OTHERS, name
        world.root.s3.put_text("acme-lake", MANIFEST, good, kms_key=None)
    world.snapshot("2026-11-21")
    world.publish("2026-11-21")
    world.with_source(retention=Retention(daily=1, weekly=0, monthly=0))
    for name, how in FORGED.items():
        forge(world, how)
        with suppress(RdsLakeError):  # a relocated date goes without a look at AWS's copy
            prune(world)
        assert others(world) == OTHERS, name
        world.root.s3.put_text("acme-lake", MANIFEST, good, kms_key=None)
    prune(world)
    assert MANIFEST not in world.keys(), "a good one goes"


def prune(world: World) -> None:
    """As somebody does it a day later."""
    gateways, (source,) = world.gateways, world.config.sources
    exports = Exports.read(world.config, gateways.rds, gateways.s3)
    now = datetime.now(UTC) + timedelta(hours=25)
    plan = plan_prune(world.config, source, exports, rds=gateways.rds, lake=gateways.lake, now=now)
    apply_prune(gateways.lake, plan, busy=lambda: (), log=world.lines.append)


def test_an_export_started_by_hand_is_cleaned_up_as_aws_says_whose_it_is(world: World) -> None:
    arn = world.snapshot("2026-11-20")
    start_export(world, "by-hand", arn)
    published = world.publish("2026-11-20")
    assert published.publication.became_latest
    assert not [key for key in world.keys("exports/") if key.startswith("exports/by-hand/")]


def test_an_export_begun_before_include_was_changed_is_still_the_sources_own(world: World) -> None:
    world.snapshot("2026-11-20")
    world.run().accept(DAY, poll_seconds=0.05)
    world.run().relocate(DAY)
    world.run().shared.catalogue(DAY)
    world.with_source(include=("shop.public",))
    world.run().shared.publish(DAY, now=datetime.now(UTC))
    assert world.keys("exports/") == []


@pytest.mark.parametrize("gone", [False, True])
def test_anothers_export_in_the_same_place_is_not_the_sources_own(world: World, gone: bool) -> None:
    """Where its snapshot is gone nobody can say whose it was, except by the name of an automated one."""
    ours, rds = world.config.databases[0], world.gateways.rds
    mine = world.snapshot("2026-11-20")
    start_export(world, "mine", mine)
    renamed = ours.model_copy(update={"identifier": "shop-other"})
    by_hand_made = world.snapshot("2026-11-19", kind="manual")
    start_export(world, "manual", by_hand_made)
    if gone:
        client = world.clients.client("rds")
        for arn in (mine, by_hand_made):
            client.delete_db_snapshot(DBSnapshotIdentifier=arn.split(":snapshot:")[1])
    own = OwnExports(config=world.config, source=ours, rds=rds)
    assert (own("mine"), own("manual"), own("never-there"), own("mine/../x"), own("")) == (
        True,
        not gone,
        *3 * (False,),
    )
    others = OwnExports(config=world.config, source=renamed, rds=rds)
    assert (others("mine"), others("manual")) == (False, False)
    elsewhere = world.config.lake.model_copy(update={"export_prefix": "elsewhere"})
    moved = OwnExports(config=world.config.model_copy(update={"lake": elsewhere}), source=ours, rds=rds)
    assert not moved("mine")


def start_export(world: World, identifier: str, arn: str) -> None:
    lake = world.config.lake
    assert lake.export_role
    assert lake.kms_key
    world.root.rds.start_export(
        identifier=identifier, source_arn=arn, bucket="acme-lake", prefix="exports",
        role=lake.export_role, kms_key=lake.kms_key, include=(),
    )  # fmt: skip
    until(lambda: not world.gateways.rds.list_running_exports())


def test_the_lakes_own_wall_holds_where_no_source_is_named() -> None:
    wall = deletable_of_lake(LakeLayout(bucket="acme-lake", prefix="lake"), ("acme-exports", "exports"))
    wall.require("acme-lake", ["lake/anything"])
    for bucket, key in (
        ("acme-lake", "exports/x"),
        ("acme-lake", "lakes/x"),
        ("acme-exports", "x"),
        ("victim", "lake/x"),
    ):
        with pytest.raises(RefusedDeleteError, match="this lake"):
            wall.require(bucket, [key])
