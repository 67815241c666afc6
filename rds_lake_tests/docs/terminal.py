"""A terminal into which a page's lines are typed, one after the other."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from rds_lake_tests.demo.outlived import end_group, not_outliving
from rds_lake_tests.docs.snippets import shell_lines
from rds_lake_tests.support.world import until

_ENDED = "the line above ended with"


@dataclass(slots=True)
class Terminal:
    """One bash, which keeps its folder and variables; `replaced` is what the page cannot know, such as free ports."""

    process: subprocess.Popen[str]
    output: Path
    replaced: Mapping[str, str]
    count: int = 0

    def type(self, text: str, *, seconds: float = 200) -> list[tuple[str, int, str]]:
        """Each line of the text with its exit code and what it said."""
        return [(line, *self._run(line, seconds)) for line in shell_lines([text])]

    def start(self, text: str) -> None:
        """Lines of which the last one does not end."""
        *before, last = shell_lines([text])
        for line in before:
            code, said = self._run(line, 60)
            assert code == 0, f"{line}: {said}"
        self._send(self._ours(last))

    def said(self) -> str:
        return self.output.read_text(encoding="utf-8", errors="replace")

    def _run(self, line: str, seconds: float) -> tuple[int, str]:
        before = len(self.said())
        self.count += 1
        mark = f"{_ENDED} {self.count}:"
        self._send(f"{self._ours(line)}\nprintf '\\n{mark} %s\\n' $?")
        until(
            lambda: re.search(rf"^{mark} \d+$", self.said(), re.MULTILINE), seconds=seconds, what=f"the end of {line}"
        )
        said, _, code = self.said()[before:].rpartition(mark)
        return int(code), said

    def _ours(self, line: str) -> str:
        for words, others in self.replaced.items():
            line = line.replace(words, others)
        return line

    def _send(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()


@dataclass(slots=True)
class Desk:
    """Terminals that begin in one folder, with one environment."""

    folder: Path
    variables: Mapping[str, str]
    replaced: Mapping[str, str]
    stack: ExitStack = field(default_factory=ExitStack)

    def terminal(self) -> Terminal:
        """A new one."""
        return self.stack.enter_context(_opened(self))

    def close(self) -> None:
        """Stop everything that was started."""
        self.stack.close()


@contextmanager
def _opened(desk: Desk) -> Iterator[Terminal]:
    output = desk.folder.parent / f"terminal-{len(list(desk.folder.parent.glob('terminal-*')))}"
    own = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("AWS_", "RDS_LAKE", "PYTHON", "DAGSTER"))
    }
    with (
        output.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            ["bash", "--norc"],
            cwd=desk.folder,
            env={**own, "COLUMNS": "150", **desk.variables},
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        ) as process,
        not_outliving(process),
    ):
        try:
            yield Terminal(process=process, output=output, replaced=desk.replaced)
        finally:
            with suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(process.pid, signal.SIGINT)
                process.wait(20)
            # The shell may end and leave what did not listen.
            end_group(process)


def codes(typed: Sequence[tuple[str, int, str]]) -> dict[str, int]:
    """The exit codes by line, of those that did not end with 0."""
    return {line: code for line, code, _ in typed if code}
