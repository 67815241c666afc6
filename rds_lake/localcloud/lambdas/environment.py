"""An execution environment: a process that has a function's code and invokes it, one event after the other.

The process has Lambda's variables, the keys of the function's role, and the packages of Lambda's Python runtimes. It cannot import
other packages that are installed here, so that a missing dependency fails as in Lambda. As in Lambda, it is kept for the next
invocation, with the values that the function stored in its module.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rds_lake.localcloud.lambdas import runtime
from rds_lake.localcloud.lambdas.functions import Function

# boto3 and what it imports: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html#runtimes-sdk
RUNTIME_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of an attempt. `payload`: JSON; `error`: whether the function failed."""

    payload: Any
    error: bool
    log: str = ""


class Environment:
    """The process of one version of one function, with certain variables."""

    def __init__(self, function: Function, variables: Mapping[str, str]) -> None:
        self.function = function
        self._folder = Path(tempfile.mkdtemp(prefix="rds-lake-lambda-"))
        self._task, self._runtime = self._folder / "task", self._folder / "runtime"
        self._process = self._start(variables)
        self._ready = False

    def invoke(self, event: Any, request: str) -> Outcome:
        """Make one invocation. After one that timed out or ended the process, `alive` is false."""
        invocation = {"event": event, "context": context_of(self.function, request), "seconds": self.function.seconds}
        self._await_ready()
        late = threading.Event()

        def end() -> None:
            late.set()
            self._process.kill()

        watch = threading.Timer(self.function.seconds, end)
        watch.daemon = True
        watch.start()
        try:
            line = self._exchange(json.dumps(invocation))
        finally:
            watch.cancel()
        if line:
            return Outcome(**json.loads(line))
        return _ended(request, self._process.wait(), self.function.seconds if late.is_set() else None)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process, also while it is invoked from another thread."""
        self._process.kill()

    def close(self) -> None:
        """End the process and remove its files."""
        self._process.kill()
        self._process.communicate()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _start(self, variables: Mapping[str, str]) -> subprocess.Popen[str]:
        with zipfile.ZipFile(io.BytesIO(self.function.code)) as archive:
            archive.extractall(self._task)
        self._task.mkdir(exist_ok=True)
        link_packages(self._runtime)
        script = [runtime.__file__, str(self._task), self.function.handler, str(self._runtime)]
        return subprocess.Popen(
            [sys.executable, "-I", "-S", *script],
            env={**variables, "LAMBDA_TASK_ROOT": str(self._task)},
            cwd=self._task,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            # A session of its own: Ctrl-C reaches this process only, which decides the order of stopping.
            start_new_session=True,
        )

    def _await_ready(self) -> None:
        """Wait until the code is loaded, or the process has ended."""
        assert self._process.stdout is not None
        if not self._ready:
            self._ready = bool(self._process.stdout.readline())

    def _exchange(self, line: str) -> str:
        """Returns the answer to a line; empty if the process has ended."""
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            return self._process.stdout.readline()
        except (BrokenPipeError, ValueError):
            return ""


def link_packages(folder: Path) -> None:
    """Link Lambda's packages into the folder, from those that are installed here."""
    folder.mkdir()
    for name in RUNTIME_PACKAGES:
        spec = find_spec(name)
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin)
            place = origin.parent if spec.submodule_search_locations else origin
            (folder / place.name).symlink_to(place)


def context_of(function: Function, request: str) -> Json:
    """Returns the attributes of a handler's context."""
    return {
        "aws_request_id": request,
        "function_name": function.name,
        "function_version": function.version,
        "invoked_function_arn": function.arn,
        "memory_limit_in_mb": str(function.memory),
        "log_group_name": f"/aws/lambda/{function.name}",
        "log_stream_name": f"local/[{function.version}]{request}",
    }


def _ended(request: str, status: int, seconds: int | None) -> Outcome:
    if seconds is not None:
        kind, reason = "Sandbox.Timedout", f"Task timed out after {seconds:.2f} seconds"
    else:
        kind, reason = "Runtime.ExitError", f"Runtime exited with error: exit status {status}"
    return Outcome(payload={"errorType": kind, "errorMessage": f"RequestId: {request} Error: {reason}"}, error=True)
