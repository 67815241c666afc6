"""The rate and the time limits of scans."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rds_lake.model.dynamodb.tables import DynamoTable

_FILE_BYTES = 32 * 1024 * 1024
_LEAST_UNITS = 0.5  # per second, so that even a table with the least capacity is read to its end


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanSettings:
    """`read_percentage` is a share (0.25) of a table's read capacity, or of `on_demand_rcu` where it has none.

    `clock` gives monotonic seconds, `sleep` takes seconds. `file_bytes`: uncompressed size at which a file ends.
    `timeout_seconds`: how long to wait for another run that scans the same table.
    """

    read_percentage: float
    on_demand_rcu: float
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    file_bytes: int = _FILE_BYTES
    timeout_seconds: float = 24 * 3600

    def target(self, table: DynamoTable) -> float:
        """Read units per second that the table's scan may take."""
        capacity = self.on_demand_rcu if table.read_capacity is None else table.read_capacity
        return max(capacity * self.read_percentage, _LEAST_UNITS)
