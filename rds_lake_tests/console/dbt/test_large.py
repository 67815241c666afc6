"""Eight hundred tables: dbt parses the file, and a second run changes no byte."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from rds_lake.console.dbt.merge import DbtColumn, DbtSource, DbtTable, merge
from rds_lake.console.dbt.yaml_edit import extended, read

pytestmark = pytest.mark.exhaustive
_PROJECT = {
    "dbt_project.yml": {"name": "large", "profile": "large", "flags": {"send_anonymous_usage_stats": False}},
    "profiles.yml": {
        "large": {
            "target": "lake",
            "outputs": {
                "lake": {
                    "type": "athena",
                    "region_name": "us-east-1",
                    "database": "awsdatacatalog",
                    "schema": "large",
                    "s3_staging_dir": "s3://acme-lake/dbt/",
                }
            },
        }
    },
}
TABLES = 800
_KINDS = ("bigint", "decimal(38,18)", "varchar", "timestamp", "array(varchar)")


def source(*, tables: int, columns: int) -> DbtSource:
    """A source of so many tables, each with so many columns and a key of its own."""
    listed = [
        DbtTable(
            name=f"table_{number:03}",
            original=f'shop.public.Table "{number}" {{{{ x }}}}',
            columns=tuple(
                DbtColumn(
                    name=f"column_{n}", type=_KINDS[n % 5], description="In the database: numeric(12,2)", quote=n == 3
                )
                for n in range(columns)
            ),
            asset_key=("shop", f"table_{number:03}"),
        )
        for number in range(tables)
    ]
    return DbtSource(name="shop", description="The shop.", tables=tuple(listed), database="awsdatacatalog")


def test_a_file_of_eight_hundred_tables_is_extended_stays_as_it_is_and_is_parsed_by_dbt(
    tmp_path: Path,
) -> None:
    pytest.importorskip("dbt.cli", reason="dbt is not installed: pip install 'rds-lake[dbt]'")
    text = "# by hand\n"
    for tables in (TABLES - 1, TABLES):
        merged = merge(read(text, where="x"), [source(tables=tables, columns=20)], where="x")
        text = extended(text, merged.document, where="x")
    again = merge(read(text, where="x"), [source(tables=TABLES, columns=20)], where="x")
    assert extended(text, again.document, where="x") == text and text.startswith("# by hand\n")
    project = tmp_path / "dbt"
    (project / "models").mkdir(parents=True)
    for name, body in _PROJECT.items():
        (project / name).write_text(json.dumps(body), encoding="utf-8")
    (project / "models" / "sources.yml").write_text(text, encoding="utf-8")
    assert parse(project) == 0
    manifest = json.loads((project / "target" / "manifest.json").read_text(encoding="utf-8"))
    sources = manifest["sources"].values()
    assert len(sources) == TABLES and {len(one["columns"]) for one in sources} == {20}
    keys = {tuple(one["config"]["meta"]["dagster"]["asset_key"]) for one in sources}
    assert len(keys) == TABLES


def parse(project: Path) -> int:
    """Exit code of `dbt parse`, in a process of its own: dbt keeps state in its modules."""
    command = [sys.executable, "-m", "dbt.cli.main", "parse", "--no-partial-parse", "--show-all-deprecations"]
    run = subprocess.run(
        [*command, "--project-dir", str(project), "--profiles-dir", str(project)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "eprecat" not in run.stdout, run.stdout
    return run.returncode
