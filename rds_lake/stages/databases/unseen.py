"""Sources that reconciliation has not been able to look at for long: rights that are gone, or an outage without an end.

Each tick says so in its log, which nobody reads. After two hours it is an incident, once; while it lasts, nothing else would
tell that the source is stale or its exports are stuck, as that is what could not be looked at.

What belongs here: since when, and the incident. It is remembered as long as the process lives.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rds_lake.stages.runs.wanted import WantedIncident

_TOLD_AFTER = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Unseen:
    """Since when which source could not be looked at as a whole."""

    _since: dict[str, datetime] = field(default_factory=dict)

    def note(self, source: str, problems: Sequence[str], *, now: datetime) -> tuple[WantedIncident, ...]:
        """What a tick found. An incident once it lasts too long, with the same key as long as it lasts."""
        if not problems:
            self._since.pop(source, None)
            return ()
        since = self._since.setdefault(source, now)
        if now - since < _TOLD_AFTER:
            return ()
        incident = WantedIncident(
            key=f"unseen:{source}:{since.isoformat(timespec='seconds')}",
            source=source,
            what="cannot be compared with AWS",
            cause=f"since {since:%Y-%m-%d %H:%M} UTC: " + "; ".join(problems),
            next_step=(
                "Give the role of the Dagster deployment what was refused, or mend what is damaged; where AWS does not answer, "
                "see its health page and the network. Every tick tries again: nothing has to be restarted."
            ),
        )
        return (incident,)
