"""The pointer: what an earlier release wrote is read, and a publication that was killed is taken up again."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any, cast

import pytest

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import ConflictError, ManifestError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.lake.publication import Moving, Pointer
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.pointer import PublishState, read_state, repairs_due, write_state

NOW = datetime(2026, 11, 21, 7, tzinfo=UTC)
KEY = "lake/_manifests/shop/_published.json"
SHOWN = {"snapshot_date": "2026-11-20", "export_task": "t-1", "rolled_back_from": None, "views": {}}


def state(s3: S3Gateway, layout: LakeLayout, body: object) -> PublishState:
    s3.put_text("acme-lake", KEY, json.dumps(body), kms_key=None)
    return read_state(s3, layout, "shop")


def test_a_flip_that_the_last_release_began_is_read_and_counts_as_one_that_did_not_end(
    s3: S3Gateway, layout: LakeLayout
) -> None:
    found = state(s3, layout, SHOWN | {"moving": {"snapshot_date": "2026-11-21", "views": ["orders"]}})
    assert found.pointer is not None
    assert found.moving == Moving(snapshot_date=date(2026, 11, 21), views=("orders",))
    repair = repairs_due(found, "shop", now=NOW)
    assert repair is not None
    assert repair.snapshot_date == date(2026, 11, 20)
    first = state(s3, layout, {"moving": {"snapshot_date": "2026-11-21", "views": ["orders"]}})
    assert first.pointer is None
    assert first.moving is not None
    assert repairs_due(first, "shop", now=NOW) is None, "nothing is published that views could be moved to"


@pytest.mark.parametrize("by_another", [False, True])
def test_a_write_whose_answer_was_lost_meets_itself_and_is_no_publication_of_another(
    s3: S3Gateway, layout: LakeLayout, monkeypatch: pytest.MonkeyPatch, by_another: bool
) -> None:
    """botocore sends it again, and S3 refuses that."""
    once, unused = S3Gateway.replace_text, cast(Any, None)

    def twice(self: S3Gateway, bucket: str, key: str, text: str, **more: Any) -> str:
        once(self, bucket, key, text + " " * by_another, **more)
        return once(self, bucket, key, text, **more)

    monkeypatch.setattr(S3Gateway, "replace_text", twice)
    lake = Lake(s3=s3, glue=unused, athena=unused, layout=layout, kms_key=None)
    found = state(s3, layout, SHOWN)
    if by_another:
        with pytest.raises(ConflictError):
            write_state(lake, "shop", found)
    else:
        assert write_state(lake, "shop", found).etag == read_state(s3, layout, "shop").etag


@pytest.mark.parametrize("body", [{}, [], 3, {"moves": [3]}, SHOWN | {"moves": [{"views": []}]}, {"views": {}}])
def test_a_damaged_pointer_says_so(s3: S3Gateway, layout: LakeLayout, body: object) -> None:
    with pytest.raises(ManifestError, match=r"_published\.json is damaged"):
        state(s3, layout, body)


@pytest.mark.parametrize(("ago", "due"), [(timedelta(minutes=5), False), (timedelta(hours=1), True)])
def test_a_publication_that_does_not_come_to_its_end_is_made_up_for_by_the_published_date(
    ago: timedelta, due: bool
) -> None:
    pointer = Pointer(snapshot_date=date(2026, 11, 20), export_task="t-1")
    begun = Moving(snapshot_date=date(2026, 11, 21), views=("orders",), token="abc", since=NOW - ago)
    repair = repairs_due(PublishState(pointer=pointer, moves=(begun,)), "shop", now=NOW)
    assert (repair is not None) is due
    if repair is not None:
        assert repair.snapshot_date == date(2026, 11, 20)
        again = repairs_due(PublishState(pointer=pointer, moves=(begun,)), "shop", now=NOW + timedelta(hours=5))
        assert again == repair, "asked for once, whatever the tick"
    assert repairs_due(PublishState(pointer=pointer), "shop", now=NOW) is None
