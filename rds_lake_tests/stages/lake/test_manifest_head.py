"""The head of a manifest is read without its files, of however many."""

from datetime import UTC, date, datetime

import pytest

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import ManifestError
from rds_lake.stages.databases.freshness import find_misdated
from rds_lake.stages.lake import handover, manifest_head
from rds_lake.stages.lake.handover import get_manifest
from rds_lake.stages.lake.manifest_head import find_head, get_head
from rds_lake_tests.support.world import World

DAY = date(2026, 11, 20)


def relocated(world: World) -> str:
    """The date in the lake; its manifest's key."""
    world.snapshot(str(DAY))
    run = world.run()
    run.accept(DAY, poll_seconds=0.05)
    run.relocate(DAY)
    return world.gateways.layout.manifest_key("shop", DAY)


def test_of_a_manifest_of_megabytes_a_piece_is_fetched(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    key, s3, layout = relocated(world), world.gateways.s3, world.gateways.layout
    whole = get_manifest(s3, layout, "shop", DAY)
    text = s3.get_text(layout.bucket, key)
    s3.put_text(layout.bucket, key, text.rstrip() + " " * 5_000_000, kms_key=None)
    fetched: list[int] = []
    real = S3Gateway._body

    def count(self: S3Gateway, *where: str, **how: str) -> bytes:
        body = real(self, *where, **how)
        fetched.append(len(body))
        return body

    monkeypatch.setattr(S3Gateway, "_body", count)
    head = find_head(s3, layout, "shop", DAY)
    assert head is not None
    assert (head.export, head.tables) == (whole.export, ())
    assert sum(fetched) < 100_000


def test_whether_a_date_is_in_the_lake_and_how_old_it_is_are_known_without_its_list_of_files(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    relocated(world)
    run = world.run()
    run.shared.catalogue(DAY)
    run.shared.publish(DAY, now=datetime.now(UTC))
    again, task = world.run(), run.shared.manifest(DAY).export.export_task

    def read(*_: object, **__: object) -> None:
        raise AssertionError("a manifest was read whole")

    monkeypatch.setattr(handover, "find_manifest", read)
    assert again.accept(DAY, export_task=task).reused
    assert find_misdated(world.gateways.rds, world.gateways.lake, world.config.databases[0]) is None


def test_a_head_longer_than_the_first_piece_is_read_by_larger_ones(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    relocated(world)
    monkeypatch.setattr(manifest_head, "_FIRST_BYTES", 7)
    whole = get_manifest(world.gateways.s3, world.gateways.layout, "shop", DAY)
    assert get_head(world.gateways.s3, world.gateways.layout, "shop", DAY).export == whole.export


def test_a_date_without_manifest_and_a_damaged_or_endless_one_are_said_so(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    s3, layout = world.gateways.s3, world.gateways.layout
    assert find_head(s3, layout, "shop", DAY) is None
    with pytest.raises(ManifestError, match="materialize `shop/parquet`"):
        get_head(s3, layout, "shop", DAY)
    monkeypatch.setattr(manifest_head, "_MOST_BYTES", 100_000)
    for text in ("", "{", "[1]", '{"version": 1, "tables": []}', '{"version": 1, "export": "' + "x" * 900_000):
        s3.put_text(layout.bucket, layout.manifest_key("shop", DAY), text, kms_key=None)
        with pytest.raises(ManifestError, match="2026-11-20"):
            find_head(s3, layout, "shop", DAY)
