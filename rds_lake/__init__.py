"""rds-lake: production databases, queryable in Athena every morning, without touching production.

`rds_lake.LakeComponent` and `rds_lake.SourceComponent` are Dagster components (`defs/components/`). They are imported on first
access, so that a program can import rds-lake without loading Dagster.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rds_lake.defs.components import LakeComponent, SourceComponent

__all__ = ["LakeComponent", "SourceComponent"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("rds_lake.defs.components"), name)


def __dir__() -> list[str]:
    """Returns the names, with the components. Raises nothing: Dagster calls it for all packages, and an error would stop it."""
    try:
        import_module("rds_lake.defs.components")
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        logging.getLogger(__name__).warning("rds_lake has no components of Dagster here: %s", error)
        return sorted(name for name in globals() if name not in __all__)
    return sorted({*globals(), *__all__})
