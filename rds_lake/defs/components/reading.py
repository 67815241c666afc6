"""From what all `defs.yaml` say to one configuration, by the rules of lake.yaml; each problem is said with its file and line."""

import re
from collections.abc import Sequence

from rds_lake.config.lake_yaml import LakeConfig, config_of
from rds_lake.defs.components.attributes import Given
from rds_lake.errors import ConfigError

_PLACE = re.compile(r"^(lake|sources\.(\d+))((?:\.[^\s.:]+)*): ")
_OF_SOURCE = re.compile(r"sources?(?: named)? '([a-z0-9_]+)'")
_LAKE_KEYS = ("lake", "sources")


def read_lake(lake: Given, sources: Sequence[Given]) -> LakeConfig:
    """The lake with its own `sources:` and those of `sources`, which have a file each.

    Raises ConfigError listing every problem.
    """
    inline = lake.values.get("sources") or []
    if not isinstance(inline, list) or (not inline and not sources):
        # What lake.yaml's reader says of it, too.
        inline, sources = lake.values.get("sources"), ()
    entries = [*inline, *(dict(source.values) for source in sources)] if isinstance(inline, list) else inline
    body = {key: lake.values[key] for key in lake.values if key != "sources"} | {"sources": entries}
    placed = [(lake, ("sources", at)) for at in range(len(inline) if isinstance(inline, list) else 0)]
    homes: list[tuple[Given, tuple[str | int, ...]]] = [*placed, *((source, ()) for source in sources)]
    try:
        return config_of(body, where=lake.where)
    except ConfigError as error:
        problems = [_located(problem, lake, homes) for problem in error.problems]
        raise ConfigError("the lake has problems:", problems) from error


def _located(problem: str, lake: Given, homes: Sequence[tuple[Given, tuple[str | int, ...]]]) -> str:
    """The problem with file and line in the place of `sources.3`."""
    found = _PLACE.match(problem)
    if found is None:
        return f"{_named(problem, homes) or lake.at(())}: {problem.removeprefix('lake.yaml: ')}"
    keys: tuple[str | int, ...] = tuple(int(key) if key.isdecimal() else key for key in found[3].split(".")[1:])
    given, place = homes[int(found[2])] if found[2] else (lake, ("lake",))
    said = problem[found.end() :]
    if not keys and (first := re.match(r"([a-z_]+)[\s:]", said)) and not found[2] is None:
        keys = (first[1],)  # a rule of keys together begins with the key that it is about
        return f"{given.at((*place, *keys))}: {said}"
    return f"{given.at((*place, *keys))}: {'.'.join(map(str, keys)) + ': ' if keys else ''}{said}"


def _named(problem: str, homes: Sequence[tuple[Given, tuple[str | int, ...]]]) -> str | None:
    """Where the source is that the problem names."""
    found = _OF_SOURCE.search(problem)
    for given, place in homes:
        entry = given.values
        for key in place:
            entry = entry[key]  # type: ignore[index]
        if found and isinstance(entry, dict) and entry.get("name") == found[1]:
            return given.at((*place, "name"))
    return None
