"""The schema of each command's JSON, by the command's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rds_lake.console.doctor.as_json import SCHEMA as DOCTOR
from rds_lake.console.schemas.diff import SCHEMA as DIFF
from rds_lake.console.schemas.prune import SCHEMA as PRUNE
from rds_lake.console.schemas.query import SCHEMA as QUERY
from rds_lake.console.schemas.status import SCHEMA as STATUS

SCHEMAS: Mapping[str, dict[str, Any]] = {
    "diff": DIFF,
    "doctor": DOCTOR,
    "prune": PRUNE,
    "query": QUERY,
    "status": STATUS,
}
