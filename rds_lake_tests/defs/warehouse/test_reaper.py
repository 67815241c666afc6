"""One warehouse that cannot be reaped keeps no other from being reaped."""

from contextlib import suppress
from typing import Any

import pytest

from rds_lake.stages.warehouse import reap
from rds_lake.stages.warehouse.reap import Reaped
from rds_lake.stages.warehouse.warehouse import Warehouse
from rds_lake_tests.defs.warehouse.mart import Mart

NAME = "rds_lake_reaper"


class Ended(BaseException):
    """Dagster ends the tick."""


def two(mart: Mart, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> list[str]:
    """Two warehouses, of which looking at the first raises the error. Returns the others that were looked at, as they are."""
    config, examined = mart.world.config, list[str]()
    (settings,) = config.warehouses
    other = settings.model_copy(update={"name": "other"})
    mart.world.config = config.model_copy(update={"warehouses": (settings, other)})
    mart.shell.reload()

    def look(warehouse: Warehouse, *_: Any, **__: Any) -> Reaped:
        if warehouse.name == "mart":
            raise error
        examined.append(warehouse.name)
        return Reaped(warehouse=warehouse.name)

    monkeypatch.setattr(reap, "_reaped", look)
    return examined


def test_an_unforeseen_error_about_one_warehouse_is_logged_and_the_other_is_reaped(
    mart: Mart, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Mutation that fails it: catch rds-lake's errors alone, so that every tick ends with the error."""
    examined = two(mart, monkeypatch, KeyError("number"))
    mart.shell.tick(NAME)
    assert examined == ["other"]
    assert "warehouse mart could not be checked completely: KeyError: 'number'" in capfd.readouterr().err


def test_a_warehouse_that_ends_every_tick_keeps_no_other_from_being_reaped(
    mart: Mart, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster stores no cursor of such a tick. Mutation that fails it: begin with the cursor's warehouse."""
    examined = two(mart, monkeypatch, Ended())
    for _ in range(2):
        with suppress(Ended):
            mart.shell.tick(NAME)
    assert examined == ["other"]
