"""SIGKILL between any two writes of relocation, catalogue and publish, then a repetition: same end, nothing lost.

The writes are counted where they leave the process: boto3's calls, and the copies that go over the wire.
"""

import re
import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

from rds_lake.stages.pointer import find_pointer
from rds_lake_tests.world import World

CHECKOUT = Path(__file__).parents[2]
# More writes than a run of the tiny database makes; the loop ends at the first run that is not killed.
MOST_WRITES = 80


def killed(world: World, at: str) -> bool:
    """Run in a process that dies at that write, and say whether it did."""
    command = [sys.executable, "-m", "rds_lake_tests.stages.killed_run", world.cloud.url]
    done = subprocess.run(
        [*command, str(world.config.directory / "lake.yaml"), at],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode != 0


def state(world: World) -> dict[str, object]:
    """What readers and later stages can see: objects, catalogue, views, rows, pointer."""
    glue = world.clients.client("glue")
    tables = glue.get_tables(DatabaseName="shop")["TableList"]
    partitions = {
        t["Name"]: [
            (p["Values"], p["StorageDescriptor"]["Location"])
            for p in glue.get_partitions(DatabaseName="shop", TableName=t["Name"])["Partitions"]
        ]
        for t in tables
        if t.get("PartitionKeys")
    }
    return {
        # AWS names part files by a random UUID.
        "keys": [re.sub(r"(part-\d+-)[0-9a-f-]{36}", r"\1uuid", key) for key in world.keys() if "/_athena/" not in key],
        "tables": sorted((t["Name"], t.get("TableType")) for t in tables),
        "partitions": partitions,
        "rows": world.query("SELECT count(*) FROM orders") + world.query("SELECT count(*) FROM order_details"),
        "snapshots": world.query("SELECT snapshot_date, rows, became_latest FROM _snapshots"),
        "pointer": find_pointer(world.gateways.s3, world.gateways.layout, "shop"),
    }


def test_a_run_killed_before_any_of_its_writes_ends_the_same_when_repeated(world: World) -> None:
    # A second date before it, so that readers have something to lose.
    world.snapshot("2026-11-19")
    world.publish("2026-11-19")
    world.snapshot("2026-11-20")
    expected: dict[str, object] | None = None
    for number in range(1, MOST_WRITES):
        start_over(world)
        died = killed(world, str(number))
        count = int(world.query("SELECT count(*) FROM orders")[0][0] or 0)
        assert count == 10, f"readers see {count} rows after a crash before write {number}"
        if died:
            world.publish("2026-11-20")
        found = state(world)
        expected = expected or found
        assert found == expected, f"a crash before write {number} changed the end"
        if not died:
            assert number > 15, "the run makes fewer writes than it has stages"
            return
    raise AssertionError("the run never came to its end")


def start_over(world: World) -> None:
    """Back to the morning: 2026-11-19 is published, nothing was done for 2026-11-20, AWS has no export of it."""
    glue, s3 = world.clients.client("glue"), world.gateways.s3
    world.cloud.exports.reset()
    s3.delete("acme-lake", [key for key in world.keys() if "2026-11-20" in key])
    for table in glue.get_tables(DatabaseName="shop")["TableList"]:
        if table["Name"].startswith("snapshots_"):
            glue.batch_delete_partition(
                DatabaseName="shop", TableName=table["Name"], PartitionsToDelete=[{"Values": ["2026-11-20"]}]
            )
    s3.delete("acme-lake", [world.gateways.layout.published_key("shop")])
    world.run().publish(date(2026, 11, 19), now=datetime(2026, 11, 19, 12, tzinfo=UTC))
