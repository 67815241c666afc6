"""`rds-lake streams package`: the ZIP file runs where there is no rds-lake, and is the same bytes every time."""

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

from click.testing import CliRunner

from rds_lake.cli import main
from rds_lake.console.streams.package import HANDLER, function_zip

_RUN = """
import sys
archive, = sys.argv[1:]
sys.path[:0] = [archive]
import types
class Client:
    def put_record_batch(self, **call):
        print(call["DeliveryStreamName"], len(call["Records"]))
        return {"FailedPutCount": 0, "RequestResponses": [{"RecordId": "1"}]}
sys.modules["boto3"] = types.SimpleNamespace(client=lambda service: Client())
import importlib, json, os
os.environ["RDS_LAKE_STREAM"] = "changes"
module, _, name = os.environ["HANDLER"].rpartition(".")
context = types.SimpleNamespace(get_remaining_time_in_millis=lambda: 60000)
print(json.dumps(getattr(importlib.import_module(module), name)(json.loads(os.environ["EVENT"]), context)))
print(sorted({getattr(m, "__file__", "") or "" for n, m in sys.modules.items() if n.startswith("rds_lake")})[0])
"""
_EVENT = {
    "id": "1", "source": "shop", "table": "shop.public.t", "op": "I", "at": "2026-11-28T03:00:00+00:00", "xid": None,
    "key": {"id": "1"}, "old": None, "new": {"id": "1"},
}  # fmt: skip


def test_the_zip_alone_runs_in_a_fresh_interpreter(tmp_path: Path) -> None:
    output = tmp_path / "function.zip"
    result = CliRunner().invoke(main, ["streams", "package", "--output", str(output)], catch_exceptions=False)
    assert HANDLER in result.output and str(output) in result.output
    # Isolated, without site-packages: neither rds-lake nor anything it depends on is there.
    command = [sys.executable, "-I", "-S", "-c", _RUN, str(output)]
    environment = {"EVENT": json.dumps(_EVENT), "HANDLER": HANDLER}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    stream, answer, place = done.stdout.splitlines()
    assert (stream, json.loads(answer)) == ("changes 1", {"changes": 1, "records": 1, "calls": 1})
    assert place.startswith(str(output))


def test_the_zip_has_the_function_only_and_is_the_same_every_time() -> None:
    first = function_zip()
    assert first == function_zip()
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert [entry for entry in archive.namelist() if not entry.startswith("rds_lake/streams/")] == [
            "rds_lake/__init__.py"
        ]
        assert {entry.date_time for entry in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert len(first) < 30_000
