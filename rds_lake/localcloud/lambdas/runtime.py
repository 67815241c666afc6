"""The runtime of a Python function: run as a script in a process of its own, without rds-lake; or imported, for a callable.

    python -I -S runtime.py FOLDER MODULE.FUNCTION PACKAGES

Writes `ready` once the code is loaded, which does not count as an invocation's time. Then reads one invocation a line from stdin
(`{"event": …, "context": {…}, "seconds": 3}`), and writes one answer a line: `{"payload": …, "error": false, "log": "…"}`.
What the function prints is its log. Errors have the shape of Lambda's
(https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html).

Imports the standard library only, because the script runs without rds-lake.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import sys
import time
import traceback
from typing import Any


class Context:
    """A handler's context. https://docs.aws.amazon.com/lambda/latest/dg/python-context.html"""

    client_context = None
    identity = None

    def __init__(self, seconds: float, **attributes: Any) -> None:
        self._deadline = time.monotonic() + seconds
        for name, value in attributes.items():
            setattr(self, name, value)

    def get_remaining_time_in_millis(self) -> int:
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def run(handler: Any, invocation: dict[str, Any]) -> dict[str, Any]:
    """Make one invocation; returns the answer in JSON's types. `error`: whether the function failed."""
    context = Context(invocation["seconds"], **invocation["context"])
    try:
        answer = handler(invocation["event"], context)
    except Exception as error:  # noqa: BLE001 - every error of the user's function is an answer
        return failure(error, invocation["context"].get("aws_request_id", ""))
    try:
        return {"payload": json.loads(json.dumps(answer)), "error": False}
    except (TypeError, ValueError) as error:
        return problem("Runtime.MarshalError", f"Unable to marshal response: {error}")


def failure(error: BaseException, request: str) -> dict[str, Any]:
    """Returns an exception of the function as Lambda shows it."""
    stack = traceback.format_list(traceback.extract_tb(error.__traceback__)[1:])
    payload = {"errorMessage": str(error), "errorType": type(error).__name__, "requestId": request, "stackTrace": stack}
    return {"payload": payload, "error": True}


def problem(kind: str, message: str) -> dict[str, Any]:
    """Returns a failure of the runtime, not of the function's own code."""
    payload = {"errorMessage": message, "errorType": kind, "requestId": "", "stackTrace": list[str]()}
    return {"payload": payload, "error": True}


def find(name: str) -> Any:
    """Returns the handler `module.function`; if it cannot be loaded, the answer to every invocation."""
    module, _, function = name.rpartition(".")
    try:
        return getattr(importlib.import_module(module.replace("/", ".")), function)
    except ImportError as error:
        return problem("Runtime.ImportModuleError", f"Unable to import module '{module}': {error}")
    except AttributeError:
        return problem("Runtime.HandlerNotFound", f"Handler '{function}' missing on module '{module}'")
    except SyntaxError as error:
        return problem("Runtime.UserCodeSyntaxError", f"Syntax error in module '{module}': {error}")
    except Exception as error:  # noqa: BLE001 - as in `run`
        return failure(error, "")


def _serve(handler: Any) -> None:
    answers, sys.stdout = sys.stdout, sys.stderr
    answers.write("ready\n")
    answers.flush()
    for line in sys.stdin:
        log = io.StringIO()
        with contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
            answer = handler if isinstance(handler, dict) else run(handler, json.loads(line))
        answers.write(json.dumps(answer | {"log": log.getvalue()}) + "\n")
        answers.flush()


if __name__ == "__main__":
    sys.path[:0] = [sys.argv[1]]
    sys.path.append(sys.argv[3])
    with contextlib.redirect_stdout(sys.stderr):
        handler = find(sys.argv[2])
    _serve(handler)
