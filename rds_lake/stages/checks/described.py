"""What the source's database says of its tables, kept in the lake: written by `verify:`, shown with each date's views.

What belongs here: that object. The database is asked by `database/described.py`.
"""

from __future__ import annotations

from rds_lake.errors import ManifestError, NewerRecordError
from rds_lake.model.tables.described import Described, parse_described, render_described
from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.lake.shared_state import change_text


def find_described(lake: Lake, source: str) -> Described:
    """What was said last; nothing before the first time. ManifestError if it is damaged."""
    key = lake.layout.described_key(source)
    text = lake.s3.find_text(lake.layout.bucket, key)
    return Described() if text is None else parse_described(text, where=lake.layout.uri(key))


def keep_described(lake: Lake, source: str, described: Described) -> None:
    """Keep it in the place of what was said before. NewerRecordError where a newer release wrote that."""
    key = lake.layout.described_key(source)

    def change(text: str | None) -> str:
        try:
            if text is not None:
                parse_described(text, where=lake.layout.uri(key))
        except NewerRecordError:
            raise
        except ManifestError:
            pass  # what is damaged is written anew
        return render_described(described)

    change_text(lake.s3, lake.layout.bucket, key, change, kms_key=lake.kms_key)
