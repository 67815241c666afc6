"""Tests marked `aws` are run by `pytest -m aws` alone: they need an account, and cost money."""

import pytest


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "aws" in (config.getoption("markexpr") or ""):
        return
    live = [item for item in items if item.get_closest_marker("aws")]
    if live:
        config.hook.pytest_deselected(items=live)
        items[:] = [item for item in items if item not in live]
