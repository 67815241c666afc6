"""Creates, updates or removes the lake's stack, and follows it to its end.

It reads the stack first. While another operation on the stack is in progress, it waits, and reads the stack again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rds_lake.errors import AwsError, ConfigError, StackError
from rds_lake.infra.stack.client import Event, Stack, StackClient
from rds_lake.infra.stack.failures import failure
from rds_lake.infra.stack.staying import stays
from rds_lake.infra.stack.template_text import asked_for, defaults
from rds_lake.infra.stack.watch import Pace, Watch

_UPDATABLE = (
    "CREATE_COMPLETE",
    "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_COMPLETE",
)
_KEY = "lake.yaml: "  # how the description of an output begins that is a key of lake.yaml: infra/template/parameters.py
_SUCCESS = ("CREATE_COMPLETE", "UPDATE_COMPLETE")
_RACES = 10  # how often another operation may begin between reading the stack and our call


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The deployment. `source`: TemplateBody or TemplateURL of `body`; `parameters`: only those that were given."""

    body: dict[str, Any]
    source: Mapping[str, str]
    parameters: Mapping[str, str]
    tags: tuple[Mapping[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """An operation in progress: the stack, the event before it, and the number of resources, if that is known."""

    id: str
    after: str | None
    total: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """One stack. `say` gets progress and results; `token` returns a new ClientRequestToken for each attempt.

    `existing` returns the parameters with which the stack, while no operation is in progress, uses existing objects.
    """

    stacks: StackClient
    pace: Pace
    say: Callable[[str], None]
    token: Callable[[], str]
    existing: Callable[[Stack | None], Mapping[str, str]] = lambda _: {}

    def deploy(self, order: Order) -> Stack:
        """Create or update the stack; returns it, unchanged if nothing differs.

        ConfigError for parameters that the template does not have; StackError, with what failed and what to do, if the deployment
        failed or the stack of this name belongs to another lake; AwsError for CloudFormation's other refusals.
        """
        require_parameters(order)
        for _ in range(_RACES):
            stack = self._idle()
            if stack is not None:
                self._require_updatable(stack, order)
            asked = replace(order, parameters={**self.existing(stack), **order.parameters})
            try:
                begun = self._create(asked) if stack is None else self._update(stack, asked)
            except AwsError:
                if not self._overtaken(stack):
                    raise
                continue
            if begun is None and stack is not None:
                self.say(f"stack {stack.name} is up to date: nothing to change")
                return self._shown(stack, [])
            if begun is not None:
                return self._shown(*self._ended(begun))
        raise StackError(
            f"another user or role started operations on stack {self.stacks.name} first, {_RACES} times: repeat the command"
        )

    def remove(self, description: str) -> None:
        """Delete the stack, and print what stays. `description`: of the lake's template; StackError for any other stack."""
        stack = self._idle()
        if stack is None:
            self.say(f"the stack {self.stacks.name} does not exist: nothing to remove")
            return
        if not stack.unmade:
            _require_same_lake(stack, description)
        after, total = self.stacks.newest(stack.id), self._to_go(stack)
        self.stacks.delete(stack.id, self.token())
        ended, events = self._watch().until_ended(stack.id, after=after, total=total)
        if ended.status != "DELETE_COMPLETE":
            raise failure(ended, events)
        self.say(f"stack {stack.name} is deleted")
        for line in stays(self.stacks.events(stack.id)):
            self.say(line)

    def _watch(self) -> Watch:
        return Watch(stacks=self.stacks, pace=self.pace, say=self.say)

    def _idle(self) -> Stack | None:
        """Returns the stack as soon as no operation is in progress; None if it does not exist."""
        while (stack := self.stacks.look()) and stack.busy:
            self.say(
                f"stack {stack.name} is in {stack.status}, started by another user or role (CloudTrail says which): waiting "
                "for its end"
            )
            self._watch().until_ended(stack.id, after=self.stacks.newest(stack.id))
        return stack

    def _require_updatable(self, stack: Stack, order: Order) -> None:
        if stack.status not in _UPDATABLE:
            raise failure(stack, self.stacks.events(stack.id))
        _require_same_lake(stack, order.body.get("Description", ""))

    def _create(self, order: Order) -> _Begun:
        total = len(asked_for(order.body, order.parameters))
        stack_id = self.stacks.create(**self._call(order, _given(order.parameters)))
        self.say(f"stack {self.stacks.name} is being created: {total} resources")
        return _Begun(id=stack_id, after=None, total=total)

    def _update(self, stack: Stack, order: Order) -> _Begun | None:
        """Begin the update; None if nothing would change."""
        after = self.stacks.newest(stack.id)
        chosen = self._chosen(stack, order)
        if not self.stacks.update(stack.id, **self._call(order, [*_given(order.parameters), *chosen])):
            return None
        self.say(f"stack {stack.name} is being updated; resources that do not differ are not changed")
        return _Begun(id=stack.id, after=after, total=None)

    def _call(self, order: Order, parameters: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            **order.source,
            "Parameters": parameters,
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "Tags": [dict(tag) for tag in order.tags],
            "ClientRequestToken": self.token(),
        }

    def _chosen(self, stack: Stack, order: Order) -> list[dict[str, Any]]:
        """A parameter that was given in an earlier deployment keeps its value; others get the new template's default."""
        before, known = defaults(self.stacks.template(stack.id)), order.body.get("Parameters", {})
        return [
            {"ParameterKey": name, "UsePreviousValue": True}
            for name, value in stack.parameters.items()
            if name in known and name not in order.parameters and value != before.get(name)
        ]

    def _overtaken(self, before: Stack | None) -> bool:
        """Whether another operation on the stack began or ended since it was read."""
        now = self.stacks.look()
        return (now is None) != (before is None) or (now is not None and now.busy)

    def _to_go(self, stack: Stack) -> int | None:
        if stack.status not in _UPDATABLE:
            return None
        return len(asked_for(self.stacks.template(stack.id), stack.parameters))

    def _ended(self, begun: _Begun) -> tuple[Stack, list[Event]]:
        stack, events = self._watch().until_ended(begun.id, after=begun.after, total=begun.total)
        if stack.status not in _SUCCESS:
            raise failure(stack, events)
        return stack, events

    def _shown(self, stack: Stack, events: list[Event]) -> Stack:
        keys = {name.removeprefix(_KEY): value for name, value in stack.outputs if name.startswith(_KEY)}
        self.say(f"stack {stack.name} is in {stack.status}. lake.yaml's keys, as the stack has them:")
        for line in (f"  {key}: {value}" for key, value in keys.items()):
            self.say(line)
        for line in (f"{name}: {value}" for name, value in stack.outputs if not name.startswith(_KEY)):
            self.say(line)
        if any(event.type == "AWS::SNS::Subscription" and event.status == "CREATE_COMPLETE" for event in events):
            mail = stack.parameters.get("NotificationEmail", "")
            self.say(
                f"AWS has sent a mail to {mail}: until the recipient confirms it, the subscription is pending and gets "
                "no messages"
            )
        return stack


def require_parameters(order: Order) -> None:
    """ConfigError that lists every given parameter that the template does not have."""
    known = order.body.get("Parameters", {})
    if unknown := [name for name in order.parameters if name not in known]:
        raise ConfigError(
            f"the template of this lake.yaml has the parameters {', '.join(sorted(known))}, but not:", unknown
        )


def _require_same_lake(stack: Stack, description: str) -> None:
    if stack.description != description:
        raise StackError(
            f"stack {stack.name} is another lake's and was not changed: its description is {stack.description!r}, this lake's is "
            f"{description!r}; choose another --stack, or another lake.yaml"
        )


def _given(parameters: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()]
