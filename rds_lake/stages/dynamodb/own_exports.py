"""Which folder of exports a DynamoDB source may delete: `<export_prefix>/<source>-<date>/`, a name that only rds-lake makes.

Where a source's other objects are is `model/lake/deletable.py`.
"""

from __future__ import annotations

from rds_lake.model.dynamodb.tables import source_and_date


def is_own_export(source: str, folder: str) -> bool:
    """Whether the folder of this name, directly below the export prefix, holds exports of a date of the source."""
    named = source_and_date(folder)
    return named is not None and named[0] == source
