"""Warehouses under exactly the printed policies: nothing is refused, and what nothing needs has its reason in docs/permissions.md."""

from __future__ import annotations

import pytest

from rds_lake.config.lake_yaml import load_config
from rds_lake.infra.policy.pipeline import pipeline_policy
from rds_lake.infra.policy.warehouse.making import warehouse_statements
from rds_lake.infra.policy.warehouse.role import redshift_role_policy
from rds_lake_tests.permissions import warehouse
from rds_lake_tests.permissions.lake import NAMES
from rds_lake_tests.permissions.replay_table import COMMAND, PAGE
from rds_lake_tests.permissions.unused_warehouse import UNUSED
from rds_lake_tests.permissions.warehouse import BEGIN, END, EXAMPLE, Life, reason, rows


def listed() -> list[list[str]]:
    """The page's tables of warehouses, one after the other, as cells."""
    page = PAGE.read_text(encoding="utf-8").split(BEGIN)[1].split(END)[0]
    return [line.strip("| ").split(" | ") for line in page.splitlines() if line.startswith("| `")]


def test_the_page_lists_the_examples_statements_of_this_release() -> None:
    config = load_config(EXAMPLE / "lake.yaml")
    own = {each.sid for each in warehouse_statements(config, config.warehouses, NAMES)}
    pipeline = [each for each in pipeline_policy(config, NAMES).statements if each.sid in own]
    redshift = redshift_role_policy(config, config.warehouses[0], NAMES).statements
    wanted = [[f"`{each.sid}`", f"`{action}`"] for each in (*pipeline, *redshift) for action in each.actions]
    assert [cells[:2] for cells in listed()][: len(wanted)] == wanted, f"run `{COMMAND} --warehouses`"


@pytest.fixture(scope="module")
def lives() -> list[Life]:
    return [warehouse.workgroup(), warehouse.cluster()]


@pytest.mark.exhaustive
@pytest.mark.timeout(900)
def test_every_right_is_needed_by_a_call_that_the_page_names_or_explained(lives: list[Life]) -> None:
    for each in lives:
        refused = {call.decision.statement for call in each.calls if call.decision.effect != "allow"}
        assert refused == set(), "a right that the printed policy lacks"
    found = [line.strip("| ").split(" | ") for each in lives for _, lines in rows(each) for line in lines]
    assert [cells[:2] for cells in listed()] == [cells[:2] for cells in found], f"run `{COMMAND} --warehouses`"
    for (sid, action, page), (_, _, now) in zip(listed(), found, strict=True):
        assert page == now or set(page.split(", ")) & set(now.split(", ")), (
            f"{sid} {action}: run `{COMMAND} --warehouses`"
        )
    reasons = {reason(cells[0].strip("`"), cells[1].strip("`")) for cells in found if cells[2].startswith("*none")}
    assert UNUSED.keys() - reasons == set(), "a call needs it by now: remove it from the table"
