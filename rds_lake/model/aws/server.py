"""A DB instance or cluster as AWS describes it, and whether its snapshots can be exported.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBInstance.html
https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_DBCluster.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rds_lake.model.aws.engine import Engine, engine_of

_MAGNETIC = "standard"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseServer:
    """A DB instance or cluster. `size_gb`: allocated storage; None if AWS does not give it (Aurora).

    `backup_days`: 0 if automated backups are off.
    """

    kind: Literal["rds", "aurora"]
    identifier: str
    engine: str
    version: str = ""
    size_gb: int | None = None
    backup_days: int = 0
    storage_type: str = ""

    @property
    def family(self) -> Engine | None:
        """The engine's family; None if AWS exports no snapshots of the engine."""
        try:
            return engine_of(self.engine)
        except ValueError:
            return None

    @property
    def obstacle(self) -> str | None:
        """Returns why AWS cannot export its snapshots, as far as engine and storage show it; otherwise None."""
        # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_StartExportTask.html
        if self.engine.startswith("custom-"):
            return "AWS exports no snapshots of RDS Custom"
        if self.family is None:
            return f"AWS exports no snapshots of engine {self.engine}"
        # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html
        return "AWS exports no snapshots of magnetic storage" if self.storage_type == _MAGNETIC else None
