"""rds-lake: production databases, queryable in Athena every morning, without touching production.

`rds_lake.LakeComponent` and `rds_lake.SourceComponent` are components of Dagster (`defs/components/`). They are made when they are
asked for: a program that imports rds-lake without Dagster does not load it.
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
    """Where Dagster looks for components, of all packages at once: one whose import fails would keep it from the others'."""
    try:
        import_module("rds_lake.defs.components")
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        logging.getLogger(__name__).warning("rds_lake has no components of Dagster here: %s", error)
        return sorted(name for name in globals() if name not in __all__)
    return sorted({*globals(), *__all__})
