"""Which folder of exports a DynamoDB source may delete: `<export_prefix>/<source>-<date>/`, a name that only rds-lake makes.

What belongs here: this rule. Where a source's other objects lie is `model/lake/deletable.py`.
"""

from __future__ import annotations

from rds_lake.model.dynamodb.tables import source_and_date


def is_own_export(source: str, folder: str) -> bool:
    """Whether the folder of this name, directly below the export prefix, holds exports of a date of the source."""
    found = source_and_date(folder)
    return found is not None and found[0] == source
