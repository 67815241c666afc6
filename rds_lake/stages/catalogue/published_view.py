"""Compares views in Glue with the published views that the pointer records.

Two digests are recorded for a published view: of the statement, and of the text that Athena stored. Athena reformats a
statement, so one cannot be computed from the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from rds_lake.model.lake.publication import Pointer, PublishedView
from rds_lake.model.tables.glue import GlueTable


def published_view(statement: str, stored: GlueTable) -> PublishedView:
    """Returns the pointer's entry for a view that was created by the statement and read back."""
    return PublishedView(statement=_digest(statement), stored=_digest(stored.view_text))


def is_as_made(made: PublishedView, stored: GlueTable | None) -> bool:
    """Whether the view in Glue has the text that was read back when it was created."""
    return stored is not None and stored.is_view and made.stored == _digest(stored.view_text)


def is_published(pointer: Pointer | None, existing: Mapping[str, GlueTable], view: str, statement: str) -> bool:
    """Whether the view in Glue was created by this statement and is unchanged. `existing`: Glue's tables by name."""
    kept = pointer.views.get(view) if pointer else None
    stored = existing.get(view)
    return kept is not None and stored is not None and stored.is_view and kept == published_view(statement, stored)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
