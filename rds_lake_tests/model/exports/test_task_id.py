"""Export task ids are legal, deterministic, and differ between different exports."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from rds_lake.model.exports.task_id import export_task_id, parse_attempt
from rds_lake_tests.support import strategies

# AWS's rule, written here from its error messages and not taken from our code.
LEGAL = re.compile(r"[A-Za-z][A-Za-z0-9]*(-[A-Za-z0-9]+)*")


@given(arn=strategies.arns, include=strategies.include, salt=st.text(max_size=20), attempt=st.integers(1, 99))
@example(arn="arn:aws:rds:us-east-1:123456789012:snapshot:@:", include=[], salt="", attempt=1)
def test_an_id_of_any_snapshot_is_one_aws_accepts(arn: str, include: list[str], salt: str, attempt: int) -> None:
    task = export_task_id(subject=arn, include=include, salt=salt, attempt=attempt)
    assert len(task) <= 60
    assert LEGAL.fullmatch(task), task


@given(arn=strategies.arns, include=strategies.include, attempt=st.integers(1, 99))
def test_the_attempt_can_be_read_back_from_our_own_id(arn: str, include: list[str], attempt: int) -> None:
    task = export_task_id(subject=arn, include=include, salt="x", attempt=attempt)
    assert parse_attempt(task, subject=arn, include=list(reversed(include)), salt="x") == attempt


@given(one=st.tuples(strategies.arns, strategies.include), other=st.tuples(strategies.arns, strategies.include))
def test_different_exports_never_share_an_id(one: tuple[str, list[str]], other: tuple[str, list[str]]) -> None:
    def task(of: tuple[str, list[str]]) -> str:
        return export_task_id(subject=of[0], include=of[1], salt="", attempt=1)

    same = one[0] == other[0] and set(one[1]) == set(other[1])
    assert (task(one) == task(other)) == same


@given(text=st.text(max_size=80), arn=strategies.arns)
def test_an_id_of_somebody_else_is_never_taken_for_ours(text: str, arn: str) -> None:
    assert parse_attempt(text, subject=arn, include=[], salt="lake") is None


def test_two_lakes_exporting_one_snapshot_do_not_take_each_others_task() -> None:
    arn = "arn:aws:rds:us-east-1:123456789012:snapshot:rds:shop-2026-11-20-05-06"
    task = export_task_id(subject=arn, include=[], salt="shop/acme/exports", attempt=1)
    assert task.startswith("shop-2026-11-20-05-06-")
    assert parse_attempt(task, subject=arn, include=[], salt="shop/other/exports") is None
