"""Durations and limits of the local Redshift."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RedshiftSettings:
    """Times in minutes of the local cloud's clock. `active_…`: limits of one warehouse; `page_rows`: rows in a page of a result."""

    creating_minutes: float = 0.0
    deleting_minutes: float = 0.0
    pausing_minutes: float = 0.0
    resuming_minutes: float = 0.0
    snapshot_minutes: float = 0.0
    active_statements: int = 500
    active_sessions: int = 500
    page_rows: int = 1000
    workers: int = 4
