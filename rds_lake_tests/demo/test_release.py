"""The release workflow and the version policy say what is so."""

import re
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
import yaml


@pytest.fixture(scope="module")
def workflow(root: Path) -> dict[str, Any]:
    text = (root / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.BaseLoader)  # YAML 1.1 reads the key `on` as true


def version_of(root: Path) -> str:
    settings = ConfigParser()
    settings.read(root / "setup.cfg", encoding="utf-8")
    return settings["metadata"]["version"]


def test_only_the_last_job_may_publish_and_only_for_a_tag(workflow: dict[str, Any]) -> None:
    jobs = workflow["jobs"]
    assert workflow["permissions"] == {"contents": "read"}
    assert [name for name, job in jobs.items() if "id-token" in job.get("permissions", {})] == ["publish"]
    assert set(jobs["publish"]["needs"]) == set(jobs) - {"publish"}
    assert jobs["publish"]["if"] == "startsWith(github.ref, 'refs/tags/')"
    assert not re.search(r"secrets\.|password", str(workflow)), "PyPI trusts the workflow itself"


def test_both_architectures_are_built_on_machines_of_their_own(workflow: dict[str, Any]) -> None:
    machines = {item["arch"]: item["runner"] for item in workflow["jobs"]["compiled"]["strategy"]["matrix"]["include"]}
    assert machines == {"x86_64": "ubuntu-24.04", "aarch64": "ubuntu-24.04-arm"}


@pytest.mark.parametrize("tag", ["right", "wrong"])
def test_a_tag_that_is_not_the_version_stops_the_release(
    tag: str, root: Path, workflow: dict[str, Any], tmp_path: Path
) -> None:
    """The step's own shell, as GitHub runs it."""
    version = version_of(root)
    (tmp_path / "setup.cfg").write_text(f"[metadata]\nversion = {version}\n", encoding="utf-8")
    (tmp_path / "CHANGELOG.md").write_text(f"# Changelog\n\n## {version}\n", encoding="utf-8")
    (step,) = [step for step in workflow["jobs"]["pure"]["steps"] if "tag is the version" in step.get("name", "")]
    variables = {
        "GITHUB_REF_NAME": f"v{version}" if tag == "right" else "v99.0.0",
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
    }
    done = subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step["run"]],
        cwd=tmp_path,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) == (tag == "right"), done.stderr


def test_the_newest_section_of_the_changelog_is_of_this_version_or_of_the_next(root: Path) -> None:
    sections = re.findall(r"^## (\S+)", (root / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sections[0] == "Unreleased" or sections[0] == version_of(root)
