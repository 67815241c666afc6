"""The webhook: a chat gets every message as Slack takes it, nobody sees its URL, and what it does wrong stops nothing."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from click.testing import CliRunner

from rds_lake.cli import main
from rds_lake.errors import UnavailableError
from rds_lake.stages.runs.notify import Channels, Mail, run_page
from rds_lake.stages.runs.webhook import Webhook

MAIL = Mail(subject="[rds-lake] shop 2026-11-20: shop__parquet failed", body="2 of 9 objects: <a> & b")
SECRET = "T0/B0/s3cret"


TRICKLE = 0


class Chat(ThreadingHTTPServer):
    """Answers with `codes` in turn, then with 200; `None` is silence, TRICKLE an answer of which a byte comes now and then.

    Keeps what it was sent.
    """

    daemon_threads = True

    def __init__(self, codes: list[int | None]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.codes, self.got, self.asked, self.done = codes, list[dict[str, str]](), 0, threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/services/{SECRET}"


class Answer(BaseHTTPRequestHandler):
    server: Chat  # type: ignore[override] # the server that is started with it

    def do_POST(self) -> None:
        self.server.asked += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        code = self.server.codes.pop(0) if self.server.codes else 200
        if code is None:
            self.server.done.wait(5)
            return
        if code == TRICKLE:
            self.trickle()
            return
        if code == 200 and self.headers["Content-Type"] == "application/json":
            self.server.got.append(json.loads(body))
        self.send_response(code)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def trickle(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Late: ")
        for _ in range(20):
            with suppress(OSError):
                self.wfile.write(b".")
            self.server.done.wait(0.2)

    do_GET = do_POST

    def log_message(self, *_: object) -> None:  # type: ignore[override]
        """Silent."""


@contextmanager
def chat(*codes: int | None) -> Iterator[Chat]:
    with Chat(list(codes)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.done.set()
            server.shutdown()
            thread.join()


def hook(url: str, waited: list[float] | None = None) -> Webhook:
    return Webhook(url=url, sleep=(waited if waited is not None else []).append, timeout_seconds=0.5)


def test_a_chat_gets_subject_and_text_as_slack_takes_them() -> None:
    with chat() as server:
        hook(server.url).publish(subject=MAIL.subject, message=MAIL.body)
    text = "*[rds-lake] shop 2026-11-20: shop__parquet failed*\n2 of 9 objects: &lt;a&gt; &amp; b"
    assert server.got == [{"text": text}]


def test_a_chat_that_fails_twice_gets_the_message_all_the_same() -> None:
    waited: list[float] = []
    with chat(503, None) as server:
        hook(server.url, waited).publish(subject="s", message="m")
    assert len(server.got) == 1
    assert waited == [1.0, 2.0]


@pytest.mark.parametrize("code", [404, 302, 500, None, TRICKLE], ids=["gone", "moved", "broken", "silent", "trickle"])
def test_what_a_chat_refuses_is_said_without_its_url_and_reaches_the_topic(code: int | None) -> None:
    warned: list[str] = []
    with chat(code, code, code) as server:
        Channels(topic=None, webhook=hook(server.url)).send(MAIL, warn=warned.append)
    (line,) = warned
    assert server.asked == 3
    assert server.got == []
    assert (f"HTTP {code}" if code else "no answer within 0.5 s") in line
    assert SECRET not in line + repr(hook(server.url))
    assert "127.0.0.1" not in line


@pytest.mark.parametrize("url", [f"http://127.0.0.1:1/{SECRET}", f"http://[/{SECRET}", f"http://x y/{SECRET}"])
def test_a_url_that_nobody_answers_is_never_shown(url: str) -> None:
    with pytest.raises(UnavailableError) as caught:
        hook(url).publish(subject="s", message="m")
    shown = [str(caught.value), repr(caught.value.__cause__), repr(caught.value.__context__)]
    assert SECRET not in "".join(shown)


def test_a_message_links_to_the_run_where_lake_yaml_says_where_dagster_is() -> None:
    assert run_page("https://dagster.example.com/", "abc") == "https://dagster.example.com/runs/abc"
    assert run_page(None, "abc") == "abc"


def test_notify_test_reaches_a_lake_that_has_only_a_webhook(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("lake") / "lake.yaml"
    path.write_text(
        "lake: {bucket: acme-lake, start_date: 2026-01-01, events_queue: events, workgroup: lake, "
        "notify: {webhook: '${CHAT}'}}\nsources:\n  - {name: reviews, kind: dynamodb, tables: [Reviews]}\n",
        encoding="utf-8",
    )
    with chat() as server:
        done = CliRunner().invoke(main, ["notify", "--test", "--config", str(path)], env={"CHAT": server.url})
    assert done.exit_code == 0, done.output
    assert "notifications arrive" in server.got[0]["text"]
    assert SECRET not in done.output


def test_a_webhook_that_is_no_url_is_refused_without_being_shown(tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("lake") / "lake.yaml"
    path.write_text(
        "lake: {bucket: acme-lake, start_date: 2026-01-01, events_queue: events, notify: {webhook: '${CHAT}'}}\n"
        "sources:\n  - {name: reviews, kind: dynamodb, tables: [Reviews]}\n",
        encoding="utf-8",
    )
    done = CliRunner().invoke(main, ["notify", "--test", "--config", str(path)], env={"CHAT": SECRET})
    assert done.exit_code != 0
    assert "webhook" in done.output
    assert SECRET not in done.output
