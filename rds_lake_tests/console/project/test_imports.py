"""What a command imports before it does anything: `--help` and shell completion answer while one types."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# What a process may not have imported: each takes as long as all the rest.
HEAVY = {
    "boto3",
    "botocore",
    "dagster",
    "pyarrow",
    "rich",
    "pydantic",
    "pydantic_core",
    "yaml",
    "sqlglot",
    "duckdb",
    "moto",
    "psycopg",
}
_RUN = """
import json, sys
from click.testing import CliRunner
from rds_lake.cli import main
result = CliRunner().invoke(main, sys.argv[1:])
print(json.dumps([result.exit_code, sorted(name for name in sys.modules if "." not in name)]))
"""


def imported_by(*arguments: str, folder: Path) -> tuple[int, set[str]]:
    """The exit code of a command of rds-lake, and the packages its process has imported."""
    done = subprocess.run(
        [sys.executable, "-c", _RUN, *arguments], cwd=folder, capture_output=True, text=True, timeout=60, check=True
    )
    code, names = json.loads(done.stdout)
    return code, set(names)


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["streams", "--help"], ["local", "--help"], ["init", "--help"], ["query", "--help"], ["local", "env"]],
)
def test_help_imports_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    code, names = imported_by(*arguments, folder=tmp_path)
    assert code == 0
    # What the local cloud's Region is called lies beside its server.
    assert names & HEAVY == set()


def test_a_file_is_validated_without_dagster_and_without_aws(root: Path) -> None:
    code, names = imported_by("validate", "--config", "lake.yaml", folder=root)
    assert code == 0
    assert names & (HEAVY - {"pydantic", "pydantic_core", "yaml"}) == set()
    assert "pydantic" in names, "it was really read"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_commands(shell: str, tmp_path: Path) -> None:
    """As docs/project.md says; each shell asks this way when a person presses Tab."""
    asked = {
        "_RDS_LAKE_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": "rds-lake va",
        "COMP_CWORD": "va" if shell == "fish" else "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "rds_lake.cli"],
        cwd=tmp_path,
        env={**os.environ, **asked},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "validate" in done.stdout and "prune" not in done.stdout
