"""`rds-lake streams forward` and `rds-lake streams reset`."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import uuid4

import click

from rds_lake.aws.secrets import SecretsGateway
from rds_lake.aws.session import open_clients
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.stages.lake.lake import open_lake
from rds_lake.stages.streams.forward import Forwarding
from rds_lake.stages.streams.forward_each import forward_each, forward_forever
from rds_lake.stages.streams.outboxes import dsn_of, forwardings, outbox_source
from rds_lake.stages.streams.reset import reset as begin_epoch
from rds_lake.threads import Stop


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments. `databases`: those of the source; empty: all. `dsn`: replaces `streams.secret`."""

    source: str
    databases: tuple[str, ...] = ()
    dsn: str | None = None
    every_seconds: float | None = None


def forward(config: LakeConfig, asked: Asked, *, forever: bool, say: Callable[[str], None]) -> None:
    """Forward all committed changes, or with `forever` until SIGTERM or Ctrl-C; then a cut in progress is discarded."""
    works = _works(config, asked, say=say)
    settings = outbox_source(config, asked.source).streams
    assert settings is not None, "outbox_source refuses a source without"
    with _ended_by_sigterm(say):
        if not forever:
            forward_each(works, say=say)
            return
        every = asked.every_seconds or settings.forward_minutes * 60
        say(f"forwarding {asked.source} every {every:g} s until Ctrl-C")
        forward_forever(works, every_seconds=every, stop=Stop(), monotonic=time.monotonic, say=say)


def reset(config: LakeConfig, asked: Asked, *, say: Callable[[str], None]) -> None:
    """Begin a new epoch in each of the source's databases, or in the named ones."""
    for work in _works(config, asked, say=say):
        say(begin_epoch(work, new_epoch=str(uuid4())))


def _works(config: LakeConfig, asked: Asked, *, say: Callable[[str], None]) -> list[Forwarding]:
    source = outbox_source(config, asked.source)
    clients = open_clients(region=config.lake.region)
    return forwardings(
        open_lake(clients, config.lake),
        source,
        dsn_of(source, lambda: SecretsGateway(clients.client("secretsmanager")), asked.dsn),
        clock=lambda: datetime.now(UTC),
        new_attempt=lambda: uuid4().hex[:12],
        log=_progress(say),
        databases=asked.databases,
    )


def _progress(say: Callable[[str], None], every_seconds: float = 5.0) -> Callable[[str], None]:
    """Print a line from time to time: a cut of ten million changes has thousands of pages."""
    shown_at = time.monotonic()

    def progress(line: str) -> None:
        nonlocal shown_at
        if time.monotonic() - shown_at >= every_seconds:
            shown_at = time.monotonic()
            say(line)

    return progress


@contextmanager
def _ended_by_sigterm(say: Callable[[str], None]) -> Iterator[None]:
    """SIGTERM and Ctrl-C end the work at once: the database rolls back uncommitted changes."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    except KeyboardInterrupt:
        say("stopped; changes that are not in a cut yet stay in the outbox")
        raise click.exceptions.Exit(130) from None
    finally:
        signal.signal(signal.SIGTERM, before)
