"""Chooses the databases and tables that become sources: by number, by name, or all that can be exported now."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

from rds_lake.console.project.discover import Found, FoundServer
from rds_lake.errors import ConfigError


def ready(items: Sequence[Found]) -> list[Found]:
    """Returns the databases and tables that AWS can export without any change."""
    return [item for item in items if item.obstacle is None]


def by_name(items: Sequence[Found], names: Sequence[str]) -> list[Found]:
    """Returns what `--source` names: an identifier, a table's name, or a pattern. ConfigError lists names that do not exist.

    A pattern skips what AWS never exports; an exact name must be exportable.
    """
    missing = [name for name in names if not any(fnmatchcase(item.identifier, name) for item in items)]
    if missing:
        raise ConfigError(
            f"--source {', '.join(missing)}: no such instance, cluster or table in this Region; {_there(items, missing)}"
        )
    named = _exportable([item for item in items if item.identifier in names])
    return [item for item in items if item in named or (_matches(item, names) and not _never(item))]


def _there(items: Sequence[Found], missing: Sequence[str]) -> str:
    """Returns the existing names that are most similar, else the first ones."""
    there = {item.identifier.lower(): item.identifier for item in items}
    nearest = [there[near] for name in missing for near in get_close_matches(name.lower(), there, n=1)]
    if nearest:
        return f"did you mean {', '.join(nearest)}?"
    return f"there is {', '.join(item.identifier for item in items[:20]) or 'nothing'}"


def _matches(item: Found, names: Sequence[str]) -> bool:
    return any(fnmatchcase(item.identifier, name) for name in names)


def _never(item: Found) -> bool:
    return isinstance(item, FoundServer) and item.server.obstacle is not None


def by_number(items: Sequence[Found], answer: str) -> list[Found]:
    """Returns the choice of a person's answer: `1, 3-5`, `all` (that can be exported now), or an empty answer for the same."""
    if answer.strip().lower() in ("", "all"):
        return ready(items)
    chosen: list[Found] = []
    for part in re.split(r"[,\s]+", answer.strip()):
        match = re.fullmatch(r"(\d+)(?:-(\d+))?", part, re.ASCII)
        first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
        if not 1 <= first <= last <= len(items):
            raise ConfigError(f"{part!r} is not a number in the list; write numbers such as `1, 3-5`, or `all`")
        chosen += [item for item in items[first - 1 : last] if item not in chosen]
    return _exportable(chosen)


def _exportable(chosen: Sequence[Found]) -> list[Found]:
    """Raises ConfigError for items that AWS never exports; a person can remove other obstacles."""
    never = [item for item in chosen if _never(item)]
    if never:
        raise ConfigError("these cannot be exported:", [f"{item.identifier}: {item.obstacle}" for item in never])
    return list(chosen)
