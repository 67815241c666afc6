"""A project of `dg` in a folder, as `create-dagster project` lays it out."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from pathlib import Path

import dagster as dg
import pytest

LAKE = """\
type: rds_lake.LakeComponent
attributes:
  lake:
    bucket: acme-lake
    events_queue: rds-lake-events
    workgroup: rds-lake
    start_date: 2026-01-01
    export_role: arn:aws:iam::111122223333:role/rds-lake-export
    kms_key: alias/rds-lake
"""

SHOP = """\
type: rds_lake.SourceComponent
attributes:
  name: shop
  kind: rds
  identifier: shop-prod
"""

_DEFINITIONS = """\
from pathlib import Path

import dagster as dg


@dg.definitions
def defs():
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent)
"""

_NUMBERS = count(1)


def write_project(folder: Path, files: Mapping[str, str]) -> str:
    """Write the project; `files` are below its `defs/`. Returns the name of its package, which no other test's project has."""
    name = f"acme_project_{next(_NUMBERS)}"
    package = folder / "src" / name
    own = {"__init__.py": "", "definitions.py": _DEFINITIONS, "defs/__init__.py": ""}
    for path, text in {**own, **{f"defs/{path}": text for path, text in files.items()}}.items():
        package.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
        package.joinpath(path).write_text(text, encoding="utf-8")
    settings = f'[tool.dg]\ndirectory_type = "project"\n\n[tool.dg.project]\nroot_module = "{name}"\n'
    folder.joinpath("pyproject.toml").write_text(settings, encoding="utf-8")
    return name


def load_project(folder: Path, files: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> dg.ComponentTree:
    """The components of the project; its definitions are made by `build_defs()`."""
    write_project(folder, files)
    monkeypatch.syspath_prepend(folder / "src")
    return dg.ComponentTree.for_project(folder)


def causes(error: BaseException) -> str:
    """What an error says, with all that caused it: Dagster puts its tree of components before rds-lake's words."""
    return "" if error is None else f"{error}\n{causes(error.__cause__) if error.__cause__ else ''}"
