"""Who works on which date: a removal and a run never have the same date, and a killed process blocks no run for ever."""

from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.errors import ManifestError, NewerRecordError, UnavailableError
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.stages.lake.in_use import Entries, InUse

DAY, OTHER = date(2026, 11, 20), date(2026, 11, 19)
KEY = "lake/_manifests/shop/_in_use.json"


class KilledError(BaseException):
    pass


@pytest.fixture
def in_use(s3: S3Gateway, layout: LakeLayout) -> InUse:
    return InUse(s3=s3, layout=layout, source="shop")


def removes(in_use: InUse, day: date = DAY) -> bool:
    with in_use.removal(day, log=print) as mine:
        return mine


def test_a_date_that_is_worked_on_is_not_removed_and_another_is(in_use: InUse) -> None:
    with in_use.work(DAY, "t-1", log=print):
        assert not removes(in_use)
        assert removes(in_use, OTHER)
    assert removes(in_use)


def test_a_date_that_is_being_removed_is_not_worked_on_and_the_sentence_says_what_to_do(in_use: InUse) -> None:
    with in_use.removal(DAY, log=print) as mine:
        assert mine
        with pytest.raises(UnavailableError, match=r"2026-11-20 is being removed.*rds-lake prune shop --apply"):
            in_use.work(DAY, "t-1", log=print).__enter__()
        with in_use.work(OTHER, "t-1", log=print):
            pass
    with in_use.work(DAY, "t-1", log=print):
        pass


def test_a_run_knows_of_others_that_work_on_another_export_of_its_date(in_use: InUse) -> None:
    with in_use.work(DAY, "t-1", log=print), in_use.work(DAY, "t-1", log=print), in_use.work(OTHER, "t-0", log=print):
        assert in_use.is_alone(DAY, "t-1")
        with in_use.work(DAY, "t-2", log=print):
            assert not in_use.is_alone(DAY, "t-1")
            assert not in_use.is_alone(DAY, "t-2")
        assert in_use.is_alone(DAY, "t-1")
        assert not in_use.is_alone(DAY, "t-2")


def test_an_entry_of_a_killed_process_is_forgotten_after_a_day(in_use: InUse, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as dead:
        dead.setattr(Entries, "_leave", lambda *_: None)
        with pytest.raises(KilledError), in_use.work(DAY, "t-1", log=print):
            raise KilledError
    assert not removes(in_use)
    later = replace(in_use, now=lambda: datetime.now(UTC) + timedelta(hours=25))
    assert removes(later)
    assert later.is_alone(DAY, "t-2")


def test_a_stage_that_fails_leaves_no_entry_behind(in_use: InUse) -> None:
    with pytest.raises(ValueError, match="broken"), in_use.work(DAY, "t-1", log=print):
        raise ValueError("broken")
    assert removes(in_use)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"version": 1, "entries": {"a": 3}}', '{"version": 1, "entries": {"a": {}}}']
)
def test_a_damaged_object_stops_no_run_and_nothing_is_removed_before_one_wrote_it_anew(
    in_use: InUse, s3: S3Gateway, text: str
) -> None:
    s3.put_text("acme-lake", KEY, text, kms_key=None)
    with pytest.raises(ManifestError, match="nothing was removed"):
        removes(in_use)
    with in_use.work(OTHER, "t-1", log=print):
        assert removes(in_use)


def test_an_entry_that_another_adds_at_the_same_moment_is_not_lost(
    in_use: InUse, s3: S3Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    replacing = S3Gateway.replace_bytes
    with ExitStack() as others:
        racing = [in_use.work(OTHER, "t-1", log=print)]

        def overtaken(self: S3Gateway, *arguments: object, **named: object) -> str:
            if racing:
                others.enter_context(racing.pop())
            return replacing(self, *arguments, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(S3Gateway, "replace_bytes", overtaken)
        with in_use.work(DAY, "t-1", log=print):
            assert not removes(in_use, OTHER)
            assert not removes(in_use, DAY)


def test_what_a_newer_release_wrote_is_not_written_anew_by_an_older_one(in_use: InUse, s3: S3Gateway) -> None:
    text = '{"version": 2, "entries": "something new"}'
    s3.put_text("acme-lake", KEY, text, kms_key=None)
    with pytest.raises(NewerRecordError, match="update rds-lake"), in_use.work(DAY, "t-1", log=print):
        pytest.fail("it worked on the date")
    assert s3.get_text("acme-lake", KEY) == text
