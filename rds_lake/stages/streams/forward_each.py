"""Forwards several outboxes, once or repeatedly. A database that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rds_lake.errors import OutboxBusyError, RdsLakeError, TerminalError, UnavailableError
from rds_lake.stages.runs.attempt import Failed, attempt
from rds_lake.stages.streams.forward import Forwarded, Forwarding, forward_once
from rds_lake.threads import Stop

_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 300.0


def forward_each(works: Sequence[Forwarding], *, say: Callable[[str], None]) -> list[Forwarded]:
    """Forwards one cut of each outbox with changes. If some fail, the others are forwarded first, then one error names them.

    An outbox that another process is forwarding is reported, and is not an error.
    """
    done: list[Forwarded] = []
    failed: list[tuple[Forwarding, Failed]] = []
    for work in works:
        outcome = attempt(lambda work=work: _unless_busy(work))
        if isinstance(outcome, Failed):
            failed.append((work, outcome))
        elif isinstance(outcome, str):
            say(outcome)
        else:
            done.append(outcome)
            tell(outcome, say)
    if failed:
        raise _together(failed)
    return done


def _unless_busy(work: Forwarding) -> Forwarded | str:
    try:
        return forward_once(work)
    except OutboxBusyError as error:
        return f"{work.source}, database {work.database}: {error}"


def tell(done: Forwarded, say: Callable[[str], None]) -> None:
    """Logs what was forwarded, and warnings."""
    say(str(done))
    for warning in done.warnings:
        say(f"warning: {warning}")


def _together(failed: Sequence[tuple[Forwarding, Failed]]) -> RdsLakeError:
    texts = [f"{work.source}, database {work.database}: {failure.why}" for work, failure in failed]
    kind = UnavailableError if all(failure.transient for _, failure in failed) else TerminalError
    return kind("\n".join(texts))


@dataclass(slots=True)
class _Turn:
    """When an outbox is forwarded next."""

    work: Forwarding
    due: float = 0.0
    failures: int = 0


def forward_forever(
    works: Sequence[Forwarding],
    *,
    every_seconds: float,
    stop: Stop,
    monotonic: Callable[[], float],
    say: Callable[[str], None],
) -> None:
    """Forwards each outbox repeatedly until `stop` is set.

    After a failure, the pauses grow to five minutes, until an outage ends or a person repairs the cause.
    """
    turns = [_Turn(work) for work in works]
    while not stop.is_set:
        for turn in turns:
            if turn.due <= monotonic() and not stop.is_set:
                _take(turn, every_seconds, monotonic, say)
        stop.wait(max(0.05, min(turn.due for turn in turns) - monotonic()))


def _take(turn: _Turn, every_seconds: float, monotonic: Callable[[], float], say: Callable[[str], None]) -> None:
    outcome = attempt(lambda: forward_once(turn.work))
    if isinstance(outcome, Failed):
        pause = min(_FIRST_PAUSE * 2**turn.failures, _LONGEST_PAUSE)
        turn.failures += 1
        say(f"{turn.work.source}, database {turn.work.database}: {outcome.why}. Tried again in {pause:.0f} s")
    else:
        turn.failures, pause = 0, every_seconds
        if outcome.rows or outcome.warnings:
            tell(outcome, say)
    turn.due = monotonic() + pause
