"""A web page in a browser on this machine: nothing that it can send to the local cloud changes or reads anything."""

import http.client
import json
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.support.world import until

JSON = {"Content-Type": "application/json"}
EVIL = "http://evil.example"
SIGNED = "AWS4-HMAC-SHA256 Credential=x/20261128/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=00"
SNAPSHOT = json.dumps({"database": "shop-prod"})
FAULT = json.dumps({"throttle": [{"service": "rds", "operation": "StartExportTask", "calls": 1}]})


class Page:
    """What reaches the local cloud from a browser, byte by byte."""

    def __init__(self, cloud: LocalCloud) -> None:
        self.cloud = cloud
        self.netloc = urlsplit(cloud.url).netloc
        self.s3 = boto3.client("s3", endpoint_url=cloud.url, region_name="us-east-1")

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, dict[str, str], str]:
        connection = http.client.HTTPConnection(self.netloc, timeout=30)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body.encode(), sent)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read().decode()
        finally:
            connection.close()

    def snapshots(self) -> int:
        return len(self.cloud.clients.client("rds").describe_db_snapshots()["DBSnapshots"])


@pytest.fixture
def page(cloud: LocalCloud) -> Page:
    page = Page(cloud)
    page.s3.create_bucket(Bucket="acme-lake")
    page.s3.put_object(Bucket="acme-lake", Key="secret", Body=b"customer data")
    return page


def is_cors(headers: dict[str, str]) -> bool:
    return any(name.lower().startswith("access-control-") for name in headers)


@pytest.mark.parametrize("origin", [EVIL, "null", "http://127.0.0.1:3000", ""])
def test_nothing_is_answered_to_a_script_of_another_page(page: Page, origin: str) -> None:
    for method, path, headers in (
        ("GET", "/acme-lake/secret", {"Authorization": SIGNED.format("s3")}),
        ("OPTIONS", "/acme-lake/secret", {"Access_Control_Request_Method": "PUT"}),
        ("GET", "/_local/health", {}),
        ("POST", "/_local/reset", {"Content_Type": "application/json"}),
        ("OPTIONS", "/_local/reset", {"Access_Control_Request_Method": "POST"}),
        ("GET", "/moto-api/data.json", {}),
    ):
        status, answered, body = page.ask(method, path, Origin=origin, **headers)
        assert status == 403, (method, path)
        assert not is_cors(answered)
        assert "customer data" not in body and "shop-prod" not in body
    assert page.s3.get_object(Bucket="acme-lake", Key="secret")["Body"].read() == b"customer data"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""]
)
@pytest.mark.parametrize("path", ["/_local/snapshots", "/_local/faults", "/_local/clock", "/_local/reset"])
def test_what_a_form_can_send_is_no_control_call(page: Page, path: str, kind: str) -> None:
    """Old browsers send forms without an Origin: the type of the body alone keeps them out."""
    body = {"/_local/snapshots": SNAPSHOT, "/_local/faults": FAULT}.get(path, "{}")
    before = page.snapshots()
    headers = {"Content_Type": kind} if kind else {}
    status, _, answer = page.ask("POST", path, body, **headers)
    assert status == 415
    assert "Content-Type: application/json" in answer
    assert page.snapshots() == before and page.cloud.faults.shown()["throttle"] == []
    assert page.s3.list_buckets()["Buckets"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil.example"]
)
def test_a_foreign_name_that_points_here_gets_nothing(page: Page, host: str) -> None:
    """DNS rebinding: to the browser the page and the local cloud are one origin."""
    host = host.format(port=page.netloc.rsplit(":", 1)[1])
    for method, path, headers in (
        ("GET", "/_local/health", {}),
        ("POST", "/_local/reset", {"Content_Type": "application/json"}),
        ("GET", "/acme-lake/secret", {"Authorization": SIGNED.format("s3")}),
    ):
        status, _, body = page.ask(method, path, Host=host, **headers)
        assert status == 403
        assert "127.0.0.1 or localhost" in body and "customer data" not in body


@pytest.mark.exhaustive
def test_images_scripts_and_links_of_a_page_get_nothing(page: Page) -> None:
    for path in ("/acme-lake/secret", "/acme-lake?list-type=2", "/moto-api/data.json", "/moto-api/seed?a=1", "/"):
        assert page.ask("GET", path)[0] in (403, 404), "without a signature"
    signed = page.s3.generate_presigned_url("get_object", Params={"Bucket": "acme-lake", "Key": "secret"})
    status, _, answer = page.ask("GET", signed.removeprefix(page.cloud.url))
    assert (status, "presigned" in answer) == (403, True), "an address is enough for a link"
    assert page.ask("GET", "/_local/health", Sec_Fetch_Site="cross-site")[0] == 403


@pytest.mark.exhaustive
def test_a_script_that_a_form_uploads_is_not_there_to_be_run(page: Page, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    script = f"open({str(ran)!r}, 'w').write('x')"
    parts = (("key", "evil.py"), ("file", script))
    form = (
        "".join(f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n' for name, text in parts)
        + "--x--\r\n"
    )
    assert page.ask("PUT", "/acme-lake/evil.py", script)[0] == 403
    assert page.ask("POST", "/acme-lake", form, Content_Type="multipart/form-data; boundary=x")[0] == 403
    anonymous = boto3.client(
        "s3", endpoint_url=page.cloud.url, region_name="us-east-1", config=Config(signature_version=UNSIGNED)
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        anonymous.put_object(Bucket="acme-lake", Key="evil.py", Body=script.encode())
    start = json.dumps({"JobName": "j"})
    target = {"X_Amz_Target": "AWSGlue.StartJobRun", "Content_Type": "application/x-amz-json-1.1"}
    status, _, answer = page.ask("POST", "/", start, **target)
    assert (status, json.loads(answer)["__type"]) == (403, "MissingAuthenticationToken")
    assert run_job(page, "s3://acme-lake/evil.py")["JobRunState"] == "FAILED"
    assert not ran.exists()


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "uri", ["{script}", "s3://{script}", "s3://acme-lake/../../{script}", "s3:///{script}", "file://{script}"]
)
def test_a_job_runs_only_what_lies_in_a_bucket(page: Page, tmp_path: Path, uri: str) -> None:
    script = tmp_path / "evil.py"
    script.write_text(f"open({str(tmp_path / 'ran')!r}, 'w').write('x')", encoding="utf-8")
    run = run_job(page, uri.format(script=script))
    assert run["JobRunState"] == "FAILED"
    assert "is not an object of a bucket" in run["ErrorMessage"]
    assert not (tmp_path / "ran").exists()


@pytest.mark.exhaustive
@pytest.mark.skipif(shutil.which("java") is None, reason="a job's script runs only beside Java")
def test_keys_stay_in_their_buckets_folder_and_go_back_to_their_own_objects(page: Page, tmp_path: Path) -> None:
    """Whatever a key is called, it leaves nothing outside, stops no job, and is not lost when the job ends."""
    outside = tmp_path / "outside"
    keys = (
        f"../../../../../../../..{outside}",
        str(outside),
        "../acme-other/x",
        "a/../b",
        "a",
        "a/b",
        "x//y",
        "./z",
        "n" * 300,
        "folder/",
        "größe/№",
    )
    for key in keys:
        page.s3.put_object(Bucket="acme-lake", Key=key, Body=b"inside")
    script = (
        b"import pathlib, sys\nmount = pathlib.Path(sys.argv[sys.argv.index('--mount') + 1])\n"
        b"for path in mount.rglob('*'):\n    if path.is_file() and path.read_bytes() == b'inside': path.write_bytes(b'seen')\n"
    )
    page.s3.put_object(Bucket="acme-lake", Key="job.py", Body=script)
    before = {item["Key"] for item in page.s3.list_objects_v2(Bucket="acme-lake")["Contents"]}
    run = run_job(page, "s3://acme-lake/job.py")
    assert run["JobRunState"] == "SUCCEEDED", run
    assert not outside.exists()
    assert {item["Key"] for item in page.s3.list_objects_v2(Bucket="acme-lake")["Contents"]} == before
    bodies = {key: page.s3.get_object(Bucket="acme-lake", Key=key)["Body"].read() for key in keys}
    assert bodies == dict.fromkeys(keys, b"seen") | {"folder/": b"inside"}


def run_job(page: Page, script: str) -> dict[str, Any]:
    """A job's run once it has ended, asked for by signed calls."""
    glue = boto3.client("glue", endpoint_url=page.cloud.url, region_name="us-east-1")
    glue.create_job(Name="j", Role="r", Command={"Name": "glueetl", "ScriptLocation": script})
    run = glue.start_job_run(JobName="j")["JobRunId"]

    def ended() -> Any:
        run_shown = glue.get_job_run(JobName="j", RunId=run)["JobRun"]
        return run_shown if run_shown["JobRunState"] not in ("STARTING", "RUNNING") else None

    return until(ended)


def test_programs_of_this_machine_go_on(page: Page) -> None:
    assert page.ask("GET", "/_local/health")[0] == 200
    assert page.ask("GET", "/_local/health", Host=page.netloc.replace("127.0.0.1", "localhost"))[0] == 200
    status, _, answer = page.ask("POST", "/_local/snapshot", SNAPSHOT, Content_Type="application/json; charset=utf-8")
    assert (status, "POST /_local/snapshots" in answer) == (404, True)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl: apt-get install -y curl")
@pytest.mark.parametrize("document", ["README.md", "docs/fidelity.md"])
def test_the_curl_lines_of_the_documents_work(page: Page, root: Path, document: str) -> None:
    lines = re.findall(r"curl -[^`\n]+", (root / document).read_text(encoding="utf-8"))
    assert lines
    for line in lines:
        environment = os.environ | {"AWS_ENDPOINT_URL": page.cloud.url}
        command = ["bash", "-c", f"{line} --silent --fail-with-body"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, env=environment)
        assert done.returncode == 0, done
    page.cloud.faults.reset()


ATTACK = """<!doctype html><pre id=out>running</pre><script>
const cloud = "CLOUD", say = [], target = h => ({"X-Amz-Target": h, "Content-Type": "application/x-amz-json-1.1"});
async function attempt(name, url, options) {
  try { const a = await fetch(url, options); say.push(name + "=" + a.type + a.status + (await a.text()).slice(0, 20)); }
  catch (e) { say.push(name + "=blocked"); } }
(async () => {
  await attempt("read", cloud + "/acme-lake/secret");
  await attempt("blind", cloud + "/_local/reset", {method: "POST", mode: "no-cors", body: "{}"});
  await attempt("json", cloud + "/_local/reset", {method: "POST", headers: {"Content-Type": "application/json"}, body: "{}"});
  await attempt("put", cloud + "/acme-lake/evil.py", {method: "PUT", headers: {Authorization: "SIGNED"}, body: "x"});
  await attempt("athena", cloud + "/", {method: "POST", headers: target("AmazonAthena.StartQueryExecution"), body: "{}"});
  navigator.sendBeacon(cloud + "/_local/reset", new Blob(["{}"], {type: "text/plain"}));
  await attempt("rebound", "REBOUND/_local/health");
  await attempt("rebound_reset", "REBOUND/_local/reset",
                {method: "POST", headers: {"Content-Type": "application/json"}, body: "{}"});
  document.getElementById("out").textContent = say.join("\\n");
})();
</script>"""


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
def test_a_page_in_a_real_browser_reads_nothing_and_changes_nothing(page: Page, tmp_path: Path) -> None:
    port = page.netloc.rsplit(":", 1)[1]
    rebound = f"http://evil.example:{port}"
    text = ATTACK.replace("CLOUD", page.cloud.url).replace("REBOUND", rebound).replace("SIGNED", SIGNED.format("s3"))
    with served(text) as address:
        command = [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'chromium'}",
            "--host-resolver-rules=MAP evil.example 127.0.0.1", "--virtual-time-budget=10000", "--dump-dom", address,
        ]  # fmt: skip
        shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    results = dict(line.split("=", 1) for line in shown.split('<pre id="out">')[1].split("</pre>")[0].splitlines())
    assert results == dict.fromkeys(("read", "json", "put", "athena", "rebound", "rebound_reset"), "blocked") | {
        "blind": "opaque0"
    }
    assert [item["Key"] for item in page.s3.list_objects_v2(Bucket="acme-lake")["Contents"]] == ["secret"]


@contextmanager
def served(text: str) -> Iterator[str]:
    """A page at an address of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()
