"""The files of a new project. Existing files are never overwritten."""

from __future__ import annotations

import keyword
import re
import sys
from collections.abc import Mapping
from importlib.metadata import version
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template

from rds_lake.config.schema import SCHEMA_FILE
from rds_lake.errors import ConfigError

SCHEMA_NAME = "lake.schema.json"
_TEMPLATES = "rds_lake.console.project"


def package_name(folder: Path) -> str:
    """Returns the name of the project's Python package, from the folder's name; never the name of another package."""
    name = re.sub(r"\W+", "_", folder.name.lower(), flags=re.ASCII).strip("_")
    taken = not name.isidentifier() or keyword.iskeyword(name) or name in sys.stdlib_module_names
    return "my_lake" if not name else f"lake_{name}" if taken or find_spec(name) else name


def project_files(lake_yaml: str, package: str) -> Mapping[str, str]:
    """Returns the text of every file by its path in the folder."""
    values = {"package": package, "project": package.replace("_", "-"), "version": version("rds-lake")}

    def filled(name: str) -> str:
        template = files(_TEMPLATES).joinpath("templates", f"{name}.txt").read_text(encoding="utf-8")
        return Template(template).substitute(values)

    return {
        **lake_files(lake_yaml),
        "dagster.yaml": files("rds_lake.demo").joinpath("project", "dagster.yaml").read_text(encoding="utf-8"),
        "workspace.yaml": filled("workspace.yaml"),
        "pyproject.toml": filled("pyproject.toml"),
        ".gitignore": filled("gitignore"),
        f"{package}/__init__.py": "",
        f"{package}/definitions.py": filled("definitions.py"),
    }


def lake_files(lake_yaml: str) -> Mapping[str, str]:
    """Returns the text by file name of the files that an existing Dagster project needs for a lake."""
    return {"lake.yaml": lake_yaml, SCHEMA_NAME: SCHEMA_FILE.read_text(encoding="utf-8")}


def require_room(folder: Path, names: Mapping[str, str] | list[str]) -> None:
    """ConfigError that lists every file that already exists; then nothing is written."""
    there = [name for name in names if folder.joinpath(name).exists() or folder.joinpath(name).is_symlink()]
    if there:
        raise ConfigError(
            f"{folder} already has these files, and they are not overwritten; choose another folder, or use "
            "`--only-lake-yaml` in an existing project:",
            there,
        )


def write_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Write every file. ConfigError if a file appeared in the meantime; files that were written before it remain."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
        except FileExistsError as error:
            raise ConfigError(
                f"{path} appeared while this command ran and is not overwritten; remove it or choose another folder"
            ) from error
