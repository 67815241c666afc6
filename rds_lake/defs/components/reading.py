"""Combines all `defs.yaml` into one configuration, by the rules of lake.yaml; each problem has its file and line."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig, config_of
from rds_lake.defs.components.attributes import Given
from rds_lake.errors import ConfigError

_SOURCES = "sources"
# How lake.yaml's reader begins a problem: `sources.3.retention.daily: `.
_PLACE = re.compile(r"(?:lake|sources\.(?P<source>\d+))(?P<keys>(?:\.[^\s.:]+)*): ")
_WHOLE = "lake.yaml: "
_NAMED = re.compile(r"sources? (?:are named )?'([a-z0-9_]+)'")
_FIRST_KEY = re.compile(r"([a-z_]+)[\s:]")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Home:
    """The place of a source: in `given`, below the keys of `place`."""

    given: Given
    place: tuple[str | int, ...]
    values: Any

    def at(self, *keys: str | int) -> str:
        return self.given.at((*self.place, *keys))


def read_lake(lake: Given, sources: Sequence[Given]) -> LakeConfig:
    """Returns the lake with its own `sources:` and the separate `sources`, one file each.

    Raises ConfigError with every problem.
    """
    inline = lake.values.get(_SOURCES) or []
    if not isinstance(inline, list):
        raise ConfigError(f"{lake.at((_SOURCES,))}: sources: must be a list, each entry with a leading `- `")
    homes = [_Home(given=lake, place=(_SOURCES, at), values=entry) for at, entry in enumerate(inline)]
    homes += [_Home(given=source, place=(), values=dict(source.values)) for source in sources]
    body = {**lake.values, _SOURCES: [home.values for home in homes]}
    try:
        return config_of(body, where=lake.where)
    except ConfigError as error:
        problems = [_located(problem, lake, homes) for problem in error.problems]
    raise ConfigError("the lake has problems:", problems)


def _located(problem: str, lake: Given, homes: Sequence[_Home]) -> str:
    """Returns the problem with file and line in place of `sources.3`."""
    match = None if problem.startswith(_WHOLE) else _PLACE.match(problem)
    if match is None:
        return f"{_of_named(problem, homes) or lake.at(())}: {problem.removeprefix(_WHOLE)}"
    said, number = problem[match.end() :], match["source"]
    home = homes[int(number)] if number else _Home(given=lake, place=("lake",), values=lake.values.get("lake"))
    keys = [int(key) if key.isdecimal() else key for key in match["keys"].split(".")[1:]]
    if keys:
        return f"{home.at(*keys)}: {'.'.join(map(str, keys))}: {said}"
    # A rule of several keys begins with the one to change.
    first = _FIRST_KEY.match(said)
    is_key = first and isinstance(home.values, Mapping) and first[1] in home.values
    return f"{home.at(first[1]) if first and is_key else home.at()}: {said}"


def _of_named(problem: str, homes: Sequence[_Home]) -> str | None:
    """Returns the place of the source that the problem names."""
    match = _NAMED.search(problem)
    names = {str(home.values.get("name")): home for home in homes if isinstance(home.values, Mapping)}
    return names[match[1]].at("name") if match and match[1] in names else None
