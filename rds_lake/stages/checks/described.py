"""What the source's database says of its tables, kept in the lake: written by `verify:`, shown with each date's views.

What belongs here: that object. The database is asked by `database/asked.py`.
"""

from __future__ import annotations

from collections.abc import Collection

from rds_lake.errors import ManifestError, NewerRecordError
from rds_lake.model.tables.described import Described, described_of, parse_described, render_described
from rds_lake.model.tables.table import TableTarget
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.shared_state import change_text


def find_described(lake: Lake, source: str) -> Described:
    """What was said last; nothing before the first time. ManifestError if it is damaged."""
    key = lake.layout.described_key(source)
    text = lake.s3.find_text(lake.layout.bucket, key)
    return Described() if text is None else parse_described(text, where=lake.layout.uri(key))


def keep_described(lake: Lake, source: str, described: Described, *, not_described: Collection[TableTarget]) -> None:
    """Keep it in the place of what was said before, which stays for the tables that were not described this time.

    NewerRecordError where a newer release wrote the record.
    """
    key = lake.layout.described_key(source)

    def change(text: str | None) -> str:
        before = Described()
        try:
            if text is not None:
                before = parse_described(text, where=lake.layout.uri(key))
        except NewerRecordError:
            raise
        except ManifestError:
            pass  # what is damaged is written anew
        stays = (table for table in before.tables if table.target in not_described)
        return render_described(described_of((*described.tables, *stays)))

    change_text(lake.s3, lake.layout.bucket, key, change, kms_key=lake.kms_key)
