"""The documents say what is so: settings, commands and targets."""

import re
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from rds_lake.cli import main
from rds_lake.config.lake_yaml import LakeSettings
from rds_lake.config.shared import SharedKeys
from rds_lake.config.source import KINDS
from rds_lake.config.warehouse import (
    Cluster,
    ColumnOfFile,
    Existing,
    LoadOfFiles,
    LoadOfTable,
    Serverless,
    UnloadOfQuery,
    UsageLimit,
    WarehouseSettings,
)
from rds_lake.console.warehouse.schema import schema_text
from rds_lake.demo.stack import DEMO_CONFIG


def table_keys(text: str, heading: str) -> set[str]:
    section = text.split(f"## `{heading}`", 1)[1].split("\n## ", 1)[0]
    return set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE))


def test_the_configuration_page_lists_exactly_the_settings_there_are(root: Path) -> None:
    text = (root / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert table_keys(text, "lake:") == set(LakeSettings.model_fields)
    assert table_keys(text, "sources:") == {key for model in KINDS.values() for key in model.model_fields}


def test_the_page_of_the_warehouse_lists_exactly_its_settings(root: Path) -> None:
    text = (root / "docs" / "warehouse.md").read_text(encoding="utf-8")
    section = text.split("## `warehouses:` in lake.yaml", 1)[1].split("\n## ", 1)[0]
    assert set(re.findall(r"^\| `([a-z_]+)` \|", section, re.MULTILINE)) == set(WarehouseSettings.model_fields)


def test_the_page_of_the_warehouse_names_the_keys_of_every_part_of_it(root: Path) -> None:
    text = (root / "docs" / "warehouse.md").read_text(encoding="utf-8")
    section = text.split("## `warehouses:` in lake.yaml", 1)[1].split("\n## ", 1)[0]
    named = set(re.findall(r"`([a-z_]+)(?:: [^`]*)?`", section))
    parts = (Serverless, UsageLimit, Cluster, Existing, LoadOfTable, LoadOfFiles, ColumnOfFile, UnloadOfQuery)
    assert {key for part in parts for key in part.model_fields} - named == set()


def test_the_published_schema_of_inputs_is_the_one_that_is_read(root: Path) -> None:
    there = (root / "docs" / "warehouse-input.schema.json").read_text(encoding="utf-8")
    assert there == schema_text(), "run `rds-lake warehouse schema --out docs/warehouse-input.schema.json`"


@pytest.mark.parametrize("kind", KINDS)
def test_the_table_of_each_kind_has_its_own_keys(root: Path, kind: str) -> None:
    text = (root / "docs" / "configuration.md").read_text(encoding="utf-8")
    (section,) = [part for part in text.split("\n### ")[1:] if f"`kind: {kind}`" in part.split("\n", 1)[0]]
    own = KINDS[kind].model_fields.keys() - {"kind", *SharedKeys.model_fields}
    assert set(re.findall(r"^\| `([a-z_]+)` \|", section.split("\n## ", 1)[0], re.MULTILINE)) == own


def readme_commands(root: Path) -> list[str]:
    text = (root / "README.md").read_text(encoding="utf-8")
    return [line.strip().split("#")[0].strip() for line in text.splitlines() if re.match(r" {4,}\S", line)]


def test_every_make_target_of_the_readme_exists_and_help_names_it(root: Path) -> None:
    shown = subprocess.run(["make", "help"], cwd=root, capture_output=True, text=True, check=True).stdout
    targets = {command.split()[1] for command in readme_commands(root) if command.startswith("make ")}
    assert {"demo", "dev", "test", "check", "help"} <= targets
    for target in targets - {"help"}:
        assert f"make {target} " in shown


@pytest.mark.parametrize(
    "command",
    [
        "init",
        "validate",
        "schema",
        "setup",
        "doctor",
        "policy",
        "template",
        "notify",
        "refresh",
        "prune",
        "publish",
        "rollback",
        "status",
        "query",
        "demo",
        "dev",
        "warehouse schema",
        "warehouse run",
        "warehouse status",
        "warehouse reap",
        "local up",
        "local env",
    ],
)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(main, [*command.split(), "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_the_demos_dagster_yaml_is_the_one_that_readme_has_people_copy(root: Path) -> None:
    assert (DEMO_CONFIG.parent / "dagster.yaml").read_bytes() == (root / "dagster.yaml").read_bytes()


def test_the_environment_for_the_local_cloud_can_be_evaluated_by_a_shell() -> None:
    output = CliRunner().invoke(main, ["local", "env", "--port", "4711"]).output
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:4711" in output
    assert all(re.fullmatch(r"export [A-Z_0-9]+=[\w:/.-]+", line) for line in output.splitlines())


def test_links_between_documents_lead_somewhere(root: Path) -> None:
    pages = [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]
    links = [
        (page, link)
        for page in pages
        for link in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8"))
        if not link.startswith("http")
    ]
    assert links
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []


def pages(root: Path) -> list[Path]:
    return [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]


def files(root: Path) -> list[str]:
    """Every file of the checkout that a document may name, each with a slash before its path."""
    rooms = ("rds_lake", "rds_lake_tests", "bench", "docs")
    found = [path for room in rooms for path in (root / room).rglob("*") if "__pycache__" not in path.parts]
    return [f"/{path.relative_to(root)}" for path in [*found, *root.glob("*.*")]]


def test_figures_of_speed_are_on_one_page(root: Path) -> None:
    """A figure that stands in two places is true in one of them, some day."""
    rate = re.compile(
        r"\d (?:objects|items|rows|requests|files|[MG]B)(?: of \w+)?(?:/s\b| (?:a|per) second)|objects/s:"
    )
    at_most = ("may", "cannot", "more than", "allows", "quota")  # limits of AWS, and of arithmetic
    told = {
        page.name
        for page in pages(root)
        for line in page.read_text(encoding="utf-8").splitlines()
        if rate.search(line) and not any(word in line for word in at_most)
    }
    assert told == {"performance.md"}


def test_every_file_that_a_document_names_exists(root: Path) -> None:
    """A path may begin anywhere: `stages/source/run.py` is `rds_lake/stages/source/run.py`."""
    known = files(root)
    named = [
        (page.name, path)
        for page in pages(root)
        for path in re.findall(r"`([\w./-]+\.(?:py|c|h|txt|cfg|toml))`", page.read_text(encoding="utf-8"))
    ]
    assert len(named) > 50
    assert [f"{page}: {path}" for page, path in named if not any(file.endswith(f"/{path}") for file in known)] == []


def test_the_tree_of_the_architecture_page_has_every_folder(root: Path) -> None:
    """Rooms and their folders; deeper ones are described in their folder's line."""
    text = (root / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = text.split("    rds_lake/\n", 1)[1].split("\n\n", 1)[0]
    room, shown = "", set[str]()
    for indent, name in re.findall(r"^ {4}( +)([\w.]+/?) ", tree, re.MULTILINE):
        room = name if len(indent) == 2 else room
        shown.add(name if len(indent) == 2 else f"{room}{name}")
    package = root / "rds_lake"
    folders = {
        f"{path.relative_to(package)}/"
        for pattern in ("*/", "*/*/")
        for path in package.glob(pattern)
        if path.is_dir() and path.name != "__pycache__"
    }
    modules = {path.name for path in package.glob("*.py") if path.name != "__init__.py"}
    assert shown == folders | modules


def test_the_record_of_dependencies_names_every_package_that_is_installed(root: Path) -> None:
    required = re.findall(r"^    ([\w-]+)(?:\[.*\])?(?:[<>=].*)?$", setup_lists(root), re.MULTILINE)
    (record,) = (root / "docs" / "decisions").glob("0006-*.md")
    rows = re.findall(r"^\| ([\w, -]+) \|", record.read_text(encoding="utf-8"), re.MULTILINE)
    named = {name for row in rows for name in row.split(", ")} - {"package"}
    assert named == set(required)


def setup_lists(root: Path) -> str:
    """What setup.cfg installs, in full and by extra."""
    text = (root / "setup.cfg").read_text(encoding="utf-8")
    always = text.split("install_requires =", 1)[1].split("[options.packages.find]", 1)[0]
    return always + text.split("[options.extras_require]", 1)[1].split("[options.entry_points]", 1)[0]
