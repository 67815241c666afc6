"""All rows about AWS, in the order in which they are shown, and their examinations for one lake.yaml.

A new subject is a module with `ROWS` and `examinations(config)`, and an entry in this list.
"""

from __future__ import annotations

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.doctor.findings import Examination, Row
from rds_lake.infra.doctor.subjects import (
    athena,
    buckets,
    catalogue,
    credentials,
    databases,
    key,
    queue,
    quotas,
    roles,
    rules,
    tables,
    topic,
    warehouses,
)

SUBJECTS = (
    credentials, databases, tables, buckets, key, roles, queue, rules, topic, athena, catalogue, warehouses, quotas,
)  # fmt: skip
ROWS: tuple[Row, ...] = tuple(row for subject in SUBJECTS for row in subject.ROWS)


def examinations_of(config: LakeConfig) -> tuple[Examination, ...]:
    """Returns all examinations for this lake.yaml."""
    return tuple(examination for subject in SUBJECTS for examination in subject.examinations(config))
