"""A second opinion: `@cloud-copilot/iam-simulate`, an evaluator by other people, run as a process of its own.

A tool of the tests only, never shipped. `npm install @cloud-copilot/iam-simulate` in any folder, and that folder in
`$RDS_LAKE_IAM_SIMULATE`; without it the comparison is skipped.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PROGRAM = """
import { createInterface } from 'node:readline'
import { createRequire } from 'node:module'
const { runSimulation, runUnsafeSimulation } = createRequire(process.argv[1] + '/')('@cloud-copilot/iam-simulate')
for await (const line of createInterface({ input: process.stdin })) {
  const simulation = JSON.parse(line)
  let answer
  try {
    const checked = simulation.resourcePolicy || simulation.sessionPolicy
    answer = checked ? await runSimulation(simulation, {}) : runUnsafeSimulation(simulation, {})
    if (typeof answer !== 'string') answer = answer.overallResult ?? 'error: ' + JSON.stringify(answer)
  } catch (error) { answer = 'error: ' + error.stack }
  process.stdout.write(JSON.stringify(answer) + '\\n')
}
"""
_WORDS = {"Allowed": "allow", "ExplicitlyDenied": "explicit deny", "ImplicitlyDenied": "implicit deny"}


class SecondEvaluator:
    """Asks the process, one request after the other."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def decide(
        self,
        *,
        principal: str,
        action: str,
        resource: str,
        account: str,
        context: Mapping[str, tuple[str, ...]],
        identity: list[Any],
        boundary: Any = None,
        session: Any = None,
        resource_policy: Any = None,
    ) -> str:
        """`allow`, `explicit deny` or `implicit deny`; policies are documents."""
        simulation = {
            "request": {
                "principal": principal,
                "action": action,
                "resource": {"resource": resource, "accountId": account},
                "contextVariables": {
                    key: values[0] if len(values) == 1 else list(values) for key, values in context.items()
                },
            },
            "identityPolicies": [{"name": f"p{number}", "policy": policy} for number, policy in enumerate(identity)],
            "serviceControlPolicies": [],
            "resourceControlPolicies": [],
        }
        if boundary is not None:
            simulation["permissionBoundaryPolicies"] = [{"name": "boundary", "policy": boundary}]
        if session is not None:
            simulation["sessionPolicy"] = session
        if resource_policy is not None:
            simulation["resourcePolicy"] = resource_policy
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps(simulation) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return _WORDS.get(answer, str(answer))


@contextmanager
def second_evaluator(folder: Path) -> Iterator[SecondEvaluator]:
    """The process, until the block ends."""
    node = shutil.which("node")
    assert node is not None
    command = [node, "--input-type=module", "-e", _PROGRAM, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield SecondEvaluator(process)
        finally:
            process.terminate()
