"""Sends the messages about failed runs within the time of a tick, each one once.

Dagster gives a tick up to five failed runs. It ends a tick after 60 s and then forgets which runs the tick handled, so the next one
begins with the same runs. A chat or topic that does not answer takes half a minute for one message. So a slow message is the last
one of its tick, and the process remembers what was sent.

What belongs here: when a message is sent, and that it is not sent again. The text is `stages/runs/notify.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

import dagster as dg

from rds_lake.errors import RdsLakeError, TransientError
from rds_lake.stages.runs.notify import Channels, Mail

# Four messages that take less than this and one that takes half a minute fit into a tick.
SLOW_SECONDS = 3.0
_TRIES = 3  # ticks that try to send one message by SNS, while SNS does not answer
_REMEMBERED = 1000

Value = TypeVar("Value")


class MailDelayedError(dg.DagsterError):
    """SNS did not answer. An error of Dagster's class ends the tick and keeps its cursor, so that the next tick tries again.

    After any other error, Dagster continues with the next run and never returns to this one.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class Mailing:
    """Remembers, by run: messages that need nothing more, messages that the webhook got, and how often SNS was tried."""

    _done: dict[str, None] = field(default_factory=dict, init=False, repr=False)
    _by_webhook: dict[str, None] = field(default_factory=dict, init=False, repr=False)
    _tries: dict[str, int] = field(default_factory=dict, init=False, repr=False)

    def is_done(self, run: str) -> bool:
        """Whether the message about the run was sent, or given up."""
        return run in self._done

    def send(self, channels: Channels, mail: Mail, *, run: str, error: Callable[[str], None]) -> None:
        """Sends the message. `error` logs what failed.

        Raises MailDelayedError if SNS does not answer, and after the last try leaves the message out. Raises AwsError if SNS
        refuses it.
        """
        remaining = channels if run not in self._by_webhook else replace(channels, webhook=None)
        _remember(self._by_webhook, run, None)
        try:
            remaining.send(mail, warn=error)
        except RdsLakeError as refused:
            sentence = f"the failure of run {run} could not be reported: {refused}"
            error(sentence)
            if not isinstance(refused, TransientError):
                raise
            _remember(self._tries, run, self._tries.get(run, 0) + 1)
            if self._tries[run] >= _TRIES:
                _remember(self._done, run, None)
            raise MailDelayedError(sentence) from refused
        _remember(self._done, run, None)


def _remember(known: dict[str, Value], run: str, what: Value) -> None:
    if len(known) >= _REMEMBERED:
        known.pop(next(iter(known)))
    known[run] = what
