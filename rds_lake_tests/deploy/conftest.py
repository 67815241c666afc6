"""The files of `deploy/`."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def deploy(root: Path) -> Path:
    return root / "deploy"
