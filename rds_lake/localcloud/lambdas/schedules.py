"""Scheduled rules of EventBridge whose targets are functions: `POST /_local/schedules` invokes those that are due by the clock.

moto stores such rules and never fires them. A rule is due if its `rate(…)` has passed since it last fired, or since it was first
checked; `{"now": true}` fires all rules. `rds-lake local up`, and with it `rds-lake dev`, checks every few seconds; a LocalCloud in
a test does not.

EventBridge may invoke a function only if the function's own policy allows it for the rule
(https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html#eb-lambda-permissions).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import lambda_backends
from moto.events.models import events_backends

from rds_lake.localcloud.http.account import ACCOUNT, REGION
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp
from rds_lake.localcloud.http.clock import Clock
from rds_lake.localcloud.lambdas.service import Lambdas

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_MICROSECONDS = {"minute": 60_000_000, "hour": 3_600_000_000, "day": 86_400_000_000}
_SERVICE = "events.amazonaws.com"
Json = dict[str, Any]


class Schedules:
    """Which rules were invoked, and when. Every method may be called from any thread."""

    def __init__(self, app: LocalCloudApp, clock: Clock, lambdas: Lambdas) -> None:
        self._clock, self._lambdas = clock, lambdas
        self._fired: dict[str, int] = {}
        self._lock = threading.Lock()
        app.routes["POST", "/_local/schedules"] = lambda body: (200, {"fired": self.fire(now=bool(body.get("now")))})

    def reset(self) -> None:
        """Forget when rules were invoked."""
        with self._lock:
            self._fired.clear()

    def fire(self, *, now: bool = False) -> list[Json]:
        """Invoke the targets of the due rules; returns for each invocation its rule, function, and why it was refused."""
        return [
            {"rule": rule.name, "function": target["Arn"], "refused": self._invoke(rule.arn, target)}
            for rule in self._due(now)
            for target in rule.targets
            if ":function:" in target["Arn"]
        ]

    def _due(self, now: bool) -> Iterator[Any]:
        moment = self._clock.now()
        for bus in events_backends[ACCOUNT][REGION].event_buses.values():
            for rule in list(bus.rules.values()):
                every = _RATE.fullmatch(rule.scheduled_expression or "")
                if every is None or rule.state != "ENABLED":
                    continue
                with self._lock:
                    last = self._fired.setdefault(rule.arn, moment)
                    due = now or moment - last >= int(every[1]) * _MICROSECONDS[every[2]]
                    if due:
                        self._fired[rule.arn] = moment
                if due:
                    yield rule

    def _invoke(self, rule: str, target: Json) -> str | None:
        try:
            allowed = _may_invoke(target["Arn"], rule)
        except UnknownFunctionException:
            return f"there is no function {target['Arn']}"
        if not allowed:
            return f"{_SERVICE} is not allowed to invoke {target['Arn']} for {rule}"
        try:
            self._lambdas.invoke(target["Arn"], str(target.get("Input", "{}")).encode(), kind="Event", region=REGION)
        except ApiError as error:
            return error.message
        return None


def _may_invoke(function: str, rule: str) -> bool:
    name = function.rpartition("function:")[2].partition(":")[0]
    policy = lambda_backends[ACCOUNT][REGION].get_function(name).policy
    return any(_allows(each, rule) for each in (policy.statements if policy else ()))


def _allows(statement: Json, rule: str) -> bool:
    source = statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn", "*")
    actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
    return (
        statement["Effect"] == "Allow"
        and statement["Principal"].get("Service") == _SERVICE
        and any(action in ("lambda:InvokeFunction", "lambda:*") for action in actions)
        and fnmatchcase(rule, source)
    )
