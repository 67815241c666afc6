"""Sources that could not be compared with AWS for a long time, because of missing rights or a long outage.

Each tick logs it, but few people read logs. After two hours it becomes one incident, because meanwhile nothing can report that
the source is stale or that its exports are stuck.

The times are kept in the process: after a restart the two hours begin again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rds_lake.stages.runs.wanted import WantedIncident

_REPORTED_AFTER = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Unseen:
    """Since when each source could not be compared completely."""

    _since: dict[str, datetime] = field(default_factory=dict)

    def note(self, source: str, problems: Sequence[str], *, now: datetime) -> tuple[WantedIncident, ...]:
        """Records a tick's problems with a source. Returns an incident if they last too long, with one key until they end."""
        if not problems:
            self._since.pop(source, None)
            return ()
        since = self._since.setdefault(source, now)
        if now - since < _REPORTED_AFTER:
            return ()
        incident = WantedIncident(
            key=f"unseen:{source}:{since.isoformat(timespec='seconds')}",
            source=source,
            what="cannot be compared with AWS",
            cause=f"since {since:%Y-%m-%d %H:%M} UTC: " + "; ".join(problems),
            next_step=(
                "Give the role of the Dagster deployment the right that was refused, or repair what is damaged; if AWS does "
                "not answer, check its health page and the network. Every tick tries again: nothing has to be restarted."
            ),
        )
        return (incident,)
