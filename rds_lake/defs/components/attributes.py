"""The attributes of a lake or source in a `defs.yaml`: their values, and the line of each.

Dagster passes the values unchanged; they are validated like lake.yaml, all sources together (`reading.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import BaseModel, ConfigDict


class Attributes(BaseModel):
    """The attributes of a component, not validated yet. Each component has its schema in `model_json_schema`."""

    model_config = ConfigDict(extra="allow", frozen=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Values with `{{ … }}` filled in. `where`: their file; `line_of`: returns the line of a key, if known."""

    values: Mapping[str, Any]
    where: str
    line_of: Callable[[tuple[str | int, ...]], int | None] = lambda _: None

    @classmethod
    def read(cls, attributes: BaseModel | None, context: dg.ComponentLoadContext) -> "Given":
        """Returns the attributes of the component that is being loaded."""
        resolution = context.resolution_context
        raw = dict(attributes.model_extra or {}) if attributes else {}
        tree = resolution.source_position_tree

        def line_of(path: tuple[str | int, ...]) -> int | None:
            """Returns the line of the key, or of the nearest enclosing key."""
            for end in range(len(path), -1, -1):
                node = tree.lookup(("attributes", *path[:end])) if tree else None
                if node:
                    return node.start.line
            return None

        name = Path(tree.position.filename).absolute() if tree else Path(str(context.component_loc))
        inside = name.is_relative_to(context.project_root.absolute())
        return cls(
            values=dict(resolution.at_path("attributes").resolve_value(raw)),
            where=str(name.relative_to(context.project_root.absolute()) if inside else name),
            line_of=line_of,
        )

    def at(self, path: tuple[str | int, ...]) -> str:
        """Returns file and line of a key: `src/shop/defs/lake/defs.yaml:7`."""
        line = self.line_of(path)
        return f"{self.where}:{line}" if line else self.where
