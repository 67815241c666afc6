"""Decides which of AWS's exports a source may delete, by AWS's answers and lake.yaml, never by a record in S3.

The folder `<export_prefix>/<name>/` is its own when DescribeExportTasks knows an export task of that name that wrote there, and

- its id is made by rds-lake's rule for this source and the snapshot that AWS names, or
- what it exported is the source's own instance or cluster: started by hand, or before `include` was changed. An id that
  rds-lake made for another lake, or for a source of another name, is that one's.

AWS names the database of a snapshot that exists; for a deleted snapshot, only an automated snapshot's name shows it
(`rds:<instance>-<date and time>`). Every other export is left for a person to delete.

What belongs here: this rule. Where a source's other objects lie is `model/lake/deletable.py`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from rds_lake.aws.rds import RdsGateway
from rds_lake.config.database import Database
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.model.aws.arn import Exportable, exportable
from rds_lake.model.exports.task import ExportTask
from rds_lake.stages.databases.plan import ExportPlan, export_plan, is_attempt_of, is_of_another_lake

# The ids that AWS accepts: a folder of any other name cannot be an export task's.
_TASK_ID = re.compile(r"[A-Za-z](-?[A-Za-z0-9]){0,59}", re.ASCII)
_AUTOMATED = r"rds:{}-\d{{4}}-\d{{2}}-\d{{2}}-\d{{2}}-\d{{2}}"


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnExports:
    """Recognises a database's exports by the names of their folders."""

    config: LakeConfig
    source: Database
    rds: RdsGateway
    _known: dict[str, bool] = field(default_factory=dict)

    def __call__(self, folder: str) -> bool:
        """Whether the folder of this name, directly below the export prefix, is an export of the source."""
        if folder not in self._known:
            self._known[folder] = self._asked(folder)
        return self._known[folder]

    def _asked(self, folder: str) -> bool:
        if not _TASK_ID.fullmatch(folder):
            return False
        plan, task = export_plan(self.config, self.source), self.rds.find_export_task(folder)
        if task is None or (task.identifier, task.bucket, task.prefix.strip("/")) != (folder, plan.bucket, plan.prefix):
            return False
        if is_attempt_of(plan, task):
            return True
        return not is_of_another_lake(plan, task) and self._is_of_own_database(plan, task)

    def _is_of_own_database(self, plan: ExportPlan, task: ExportTask) -> bool:
        try:
            about, name = exportable(task.source_arn)
        except ValueError:
            return False
        if about is Exportable.CLUSTER:
            return plan.snapshot_about is Exportable.CLUSTER_SNAPSHOT and name.lower() == plan.identifier.lower()
        if about is not plan.snapshot_about:
            return False
        snapshot = self.rds.find_snapshot(about, task.source_arn)
        if snapshot is not None:
            return snapshot.source_identifier.lower() == plan.identifier.lower()
        return re.fullmatch(_AUTOMATED.format(re.escape(plan.identifier)), name, re.IGNORECASE | re.ASCII) is not None
