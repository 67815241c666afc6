"""Components of Dagster: a lake, and sources in files of their own, in a project of `dg` (docs/dagster-projects.md).

Their attributes are lake.yaml's: `rds_lake/config/` reads and validates them. They define exactly what `build_definitions`
returns. `dg` imports this package in every project where rds-lake is installed: no boto3 and no pyarrow here.
"""

from rds_lake.defs.components.lake import LakeComponent
from rds_lake.defs.components.source import SourceComponent

__all__ = ["LakeComponent", "SourceComponent"]
