"""What people install: everything that runs is inside the wheel, and nothing is read from a checkout."""

import os
import re
import shutil
import subprocess
import tarfile
from email.parser import Parser
from pathlib import Path
from zipfile import ZipFile

import pytest

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.environment import environment
from rds_lake_tests.demo.wheel import Installed, build

pytestmark = pytest.mark.slow


def shell(installed: Installed, folder: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command of the environment, in a folder that has no checkout above it."""
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "RDS_LAKE", "PYTHON", "DAGSTER"))
    }
    path = f"{installed.python.parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=folder,
        env=own | {"PATH": path} | variables,
        capture_output=True,
        text=True,
        timeout=150,
        check=False,
    )


def test_every_file_of_the_package_is_in_the_wheel_and_in_the_sdist(root: Path, installed: Installed) -> None:
    ours = {
        str(path.relative_to(root))
        for path in (root / "rds_lake").rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".so")
    }
    inside = set(ZipFile(installed.wheel).namelist())
    assert {path for path in ours if not path.endswith((".c", ".h"))} - inside == set()
    with tarfile.open(installed.sdist) as archive:
        assert ours - {name.partition("/")[2] for name in archive.getnames()} == set()
    assert not [name for name in inside if name.startswith(("rds_lake_tests", "bench", "examples"))]


def test_the_package_is_imported_from_the_wheel(installed: Installed, tmp_path: Path) -> None:
    done = shell(installed, tmp_path, "python", "-c", "import rds_lake; print(rds_lake.__file__)")
    assert Path(done.stdout.strip()).is_relative_to(installed.python.parent.parent), done.stdout + done.stderr


def test_a_project_is_made_checked_and_loaded_in_an_empty_folder(
    installed: Installed, cloud: LocalCloud, tmp_path: Path
) -> None:
    here = environment(cloud.url)
    made = shell(installed, tmp_path, "rds-lake", "init", "shop", "--yes", "--source", "shop-prod", **here)
    assert made.returncode == 0, made.stdout + made.stderr
    project = tmp_path / "shop"
    assert shell(installed, project, "rds-lake", "validate").returncode == 0
    schema = shell(installed, project, "rds-lake", "schema")
    assert schema.stdout == (project / "lake.schema.json").read_text(encoding="utf-8")
    loaded = shell(installed, project, "python", "-m", "dagster", "definitions", "validate", "--log-level", "error")
    assert loaded.returncode == 0, loaded.stdout + loaded.stderr


def metadata_of(wheel: Path) -> tuple[dict[str, list[str]], str]:
    with ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("/METADATA")]
        message = Parser().parsestr(archive.read(name).decode())
    return {key: message.get_all(key, []) for key in message}, str(message.get_payload())


def test_pypis_page_has_the_readme_and_says_what_is_needed(root: Path, installed: Installed) -> None:
    metadata, text = metadata_of(installed.wheel)
    assert metadata["Name"] == ["rds-lake"]
    assert metadata["Requires-Python"] == [">=3.11"]
    assert text.strip() == (root / "README.md").read_text(encoding="utf-8").strip()
    assert {"local", "verify"} <= set(metadata["Provides-Extra"])
    assert installed.wheel.name.endswith("-py3-none-any.whl")


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_release_has_the_compiled_parser_and_links_that_lead_to_its_repository(
    installed: Installed, tmp_path: Path
) -> None:
    """One wheel for every Python, since the parser uses nothing of Python's C API."""
    (source,) = installed.wheel.parent.parent.joinpath("unpacked").iterdir()
    own = shutil.copytree(source, tmp_path / "source", ignore=shutil.ignore_patterns("build"))
    repository = "https://example.org/acme/rds-lake"
    tools = installed.wheel.parent.parent / "tools"
    wheel = build("build_wheel", own, tmp_path / "dist", tools, RDS_LAKE_REPOSITORY=repository, RDS_LAKE_PURE="0")
    assert "-cp311-abi3-" in wheel.name
    metadata, text = metadata_of(wheel)
    assert f"Source, {repository}" in metadata["Project-URL"]
    assert re.findall(r"\]\((?!https?://)[^)]*\)", text) == []
    assert "![" not in text or f"]({repository}/raw/v" in text
    ZipFile(wheel).extractall(tmp_path / "there")
    check = "from rds_lake.convert.local.compiled import library; print(library() is not None)"
    done = shell(installed, tmp_path, "python", "-c", check, PYTHONPATH=str(tmp_path / "there"))
    assert done.stdout == "True\n", done.stderr
