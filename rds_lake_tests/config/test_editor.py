"""What an editor shows in a lake.yaml whose first line names the schema, by the language server that editors use."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rds_lake.config.schema import SCHEMA_FILE

_SERVER = os.environ.get("YAML_LANGUAGE_SERVER") or shutil.which("yaml-language-server")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(_SERVER is None, reason="needs yaml-language-server: npm install --global yaml-language-server"),
]
LAKE = """\
# yaml-language-server: $schema=./lake.schema.json
lake:
  bucket: acme-lake
  events_queue: rds-lake-events
  start_date: 2026-01-01
sources:
  - name: shop
    kind: rds
    identifer: shop-prod
    which: last
    athena: ${ATHENA:-true}
  - name: reviews
    kind: dynamodb
    tables: [Reviews]
{INDENT}
""".replace("{INDENT}", " " * 4)


class Editor:
    """Speaks the language server protocol, https://microsoft.github.io/language-server-protocol/, over the server's stdin."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process, self._number = process, 0

    def say(self, method: str, params: Any, *, number: int | None = None) -> None:
        body = {"jsonrpc": "2.0", "method": method, "params": params} | ({} if number is None else {"id": number})
        self._send(body)

    def ask(self, method: str, params: Any) -> Any:
        self._number += 1
        self.say(method, params, number=self._number)
        return self.wait(lambda message: message.get("id") == self._number and "method" not in message)["result"]

    def wait(self, wanted: Any) -> dict[str, Any]:
        """The first message that is wanted; what the server asks meanwhile gets an empty answer."""
        while not wanted(message := self._read()):
            if "id" in message and "method" in message:
                items = message["params"].get("items", []) if isinstance(message.get("params"), dict) else []
                self._send({"jsonrpc": "2.0", "id": message["id"], "result": [{} for _ in items] if items else None})
        return message

    def _send(self, body: Any) -> None:
        data = json.dumps(body).encode()
        assert self._process.stdin
        self._process.stdin.write(b"Content-Length: %d\r\n\r\n%s" % (len(data), data))
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        stdout = self._process.stdout
        assert stdout
        length = 0
        while line := stdout.readline().strip():
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        return json.loads(stdout.read(length))


@pytest.fixture
def editor() -> Iterator[Editor]:
    command = [str(_SERVER), "--stdio"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        editor = Editor(process)
        editor.ask("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        editor.say("initialized", {})
        yield editor
        process.kill()


def test_an_editor_marks_what_is_wrong_and_completes_keys_of_the_sources_kind(editor: Editor, tmp_path: Path) -> None:
    shutil.copy(SCHEMA_FILE, tmp_path / "lake.schema.json")
    place = tmp_path / "lake.yaml"
    place.write_text(LAKE, encoding="utf-8")
    settings = {"yaml": {"validate": True, "completion": True, "hover": True, "schemaStore": {"enable": False}}}
    editor.say("workspace/didChangeConfiguration", {"settings": settings})
    document = {"uri": place.as_uri(), "languageId": "yaml", "version": 1, "text": LAKE}
    editor.say("textDocument/didOpen", {"textDocument": document})
    shown = editor.wait(lambda message: message.get("method") == "textDocument/publishDiagnostics")
    marks = {(item["range"]["start"]["line"] + 1, item["message"]) for item in shown["params"]["diagnostics"]}
    assert {line for line, _ in marks} == {7, 9, 10}, marks
    assert any("identifer" in message for line, message in marks if line == 9)
    assert any("identifier" in message for line, message in marks if line == 7)
    where = {"textDocument": {"uri": place.as_uri()}, "position": {"line": 14, "character": 4}}
    offered = {item["label"] for item in editor.ask("textDocument/completion", where)["items"]}
    assert {"export_at", "converter", "max_drop"} <= offered
    assert "identifier" not in offered, "a key of databases"
    where["position"] = {"line": 12, "character": 6}
    assert "kind" in str(editor.ask("textDocument/hover", where))
