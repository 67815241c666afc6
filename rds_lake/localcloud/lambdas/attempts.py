"""Attempts to invoke functions: assigns an execution environment to each invocation, and returns its result.

A callable that a test registers runs in this process, instead of the function's code.
"""

from __future__ import annotations

import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.lambdas.environment import Environment, Outcome, context_of
from rds_lake.localcloud.lambdas.functions import Function
from rds_lake.localcloud.lambdas.runtime import run

_SESSION_SECONDS = 43_200


class ThrottledError(Exception):
    """The function has no capacity for one more invocation."""


class Attempts:
    """Runs functions. `most`: environments of one function at a time; further invocations wait."""

    def __init__(self, clients: InProcessClients, faults: Faults, url: Callable[[], str], *, most: int) -> None:
        self._clients, self._faults, self._url, self._most = clients, faults, url, most
        self.callables: dict[str, Callable[[Any, Any], Any]] = {}
        self._idle: dict[str, list[Environment]] = defaultdict(list)
        self._used: set[Environment] = set()
        self._busy: Counter[str] = Counter()
        # Counts resets, so that an environment that was started before a reset does not run after it.
        self._resets = 0
        self._freed = threading.Condition()

    def reset(self) -> None:
        """Forget callables, and end all environments: an invocation in one fails as if its process had ended."""
        with self._freed:
            idle, self._idle = self._idle, defaultdict(list)
            used = tuple(self._used)
            self._resets += 1
            self.callables.clear()
        for environment in used:
            environment.kill()
        for environments in idle.values():
            for environment in environments:
                environment.close()

    def invoke(self, function: Function, event: Any, request: str) -> Outcome:
        """Make one attempt. ThrottledError if the function may not run now."""
        with self._place(function):
            if fault := self._faults.of_lambda(function.name, "fail"):
                payload = {"errorMessage": fault.fail, "errorType": "Exception", "requestId": request, "stackTrace": []}
                return Outcome(payload=payload, error=True)
            if function.name in self.callables:
                invocation = {
                    "event": event, "context": context_of(function, request), "seconds": function.seconds,
                }  # fmt: skip
                return Outcome(**run(self.callables[function.name], invocation))
            environment = self._environment(function)
            try:
                return environment.invoke(event, request)
            finally:
                self._give_back(environment)

    @contextmanager
    def _place(self, function: Function) -> Iterator[None]:
        if self._faults.of_lambda(function.name, "throttle"):
            raise ThrottledError
        with self._freed:
            if function.reserved is not None and self._busy[function.arn] >= function.reserved:
                raise ThrottledError
            self._freed.wait_for(lambda: self._busy[function.arn] < self._most)
            self._busy[function.arn] += 1
        try:
            yield
        finally:
            with self._freed:
                self._busy[function.arn] -= 1
                self._freed.notify_all()

    def _environment(self, function: Function) -> Environment:
        with self._freed:
            resets, kept = self._resets, self._idle[function.arn]
            stale = [environment for environment in kept if environment.function != function]
            kept[:] = [environment for environment in kept if environment.function == function]
            idle = kept.pop() if kept else None
        for environment in stale:
            environment.close()
        environment = idle or Environment(function, self._variables(function))
        with self._freed:
            self._used.add(environment)
            if self._resets != resets:
                environment.kill()
        return environment

    def _give_back(self, environment: Environment) -> None:
        with self._freed:
            self._used.discard(environment)
        if environment.alive:
            with self._freed:
                self._idle[environment.function.arn].append(environment)
        else:
            environment.close()

    def _variables(self, function: Function) -> dict[str, str]:
        """Returns the environment's variables: keys of the function's role, the address of AWS, Lambda's own, and the function's.

        (https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html)
        """
        sts = self._clients.client("sts", function.region)
        # STS requires two characters, Lambda one.
        session = function.name[:64].ljust(2, "-")
        assumed = sts.assume_role(RoleArn=function.role, RoleSessionName=session, DurationSeconds=_SESSION_SECONDS)
        keys = assumed["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": keys["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"],
            "AWS_SESSION_TOKEN": keys["SessionToken"],
            "AWS_ENDPOINT_URL": self._url(),
            "AWS_REGION": function.region,
            "AWS_DEFAULT_REGION": function.region,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "_HANDLER": function.handler,
            "TZ": ":UTC",
            "LANG": "C.UTF-8",
            **dict(function.variables),
        }


def new_request() -> str:
    """Returns the id of an invocation."""
    return str(uuid.uuid4())
