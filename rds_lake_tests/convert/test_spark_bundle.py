"""What is shipped to a cluster runs there: it needs nothing but itself, the standard library and Spark."""

from __future__ import annotations

import subprocess
import sys
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import pytest

from rds_lake.convert.spark.bundle import build_bundle
from rds_lake_tests.support.spark import needs_spark

# Refuses everything that is neither in the zip nor Spark nor Python's own, as a cluster would.
_ALONE = """
import sys
sys.path[:0] = sys.argv[1:2]
class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in ("rds_lake", "pyspark", "py4j") and "sysconfigdata" not in top:
            raise ModuleNotFoundError(f"{name} is not on the cluster")
sys.meta_path.insert(0, Refuse())
import runpy, rds_lake
assert rds_lake.__file__.startswith(sys.argv[1]), rds_lake.__file__
sys.argv = ["spark_job.py", *sys.argv[3:]]
runpy.run_path(SCRIPT, run_name="__main__")
"""


@needs_spark
@pytest.mark.exhaustive
def test_the_job_starts_with_the_zip_and_nothing_else(tmp_path: Path) -> None:
    bundle = build_bundle()
    rules, script = tmp_path / "rules.zip", tmp_path / "job.py"
    rules.write_bytes(bundle.rules)
    script.write_bytes(bundle.script)
    code = _ALONE.replace("SCRIPT", repr(str(script)))
    found = subprocess.run(
        [sys.executable, "-I", "-c", code, str(rules), "--", "--help"], capture_output=True, text=True
    )
    assert found.returncode == 0, found.stderr
    assert "--request" in found.stdout


def test_the_same_release_ships_the_same_files() -> None:
    assert build_bundle.__wrapped__().digest == build_bundle.__wrapped__().digest


def test_no_module_is_shipped_that_the_job_does_not_run() -> None:
    """A type checker's imports once drew in all 454 modules, three quarters of a megabyte."""
    with ZipFile(BytesIO(build_bundle().rules)) as archive:
        rooms = {name.split("/")[1] for name in archive.namelist()}
    assert rooms.isdisjoint({"aws", "console", "defs", "infra", "stages"}), rooms
