"""How to wait for AWS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How to wait for AWS. `clock` gives monotonic seconds, `sleep` takes seconds."""

    clock: Callable[[], float]
    sleep: Callable[[float], None]
    timeout_seconds: float
    poll_seconds: float
    log: Callable[[str], None]
