"""`${NAME}` and `${NAME:-default}` in lake.yaml.

As in a shell and in Docker Compose (https://docs.docker.com/reference/compose-file/interpolation/), except that an unset variable
without a default is an error: an empty bucket name would only fail later. Write `$${` for the characters `${`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_REFERENCE = re.compile(r"\$\$\{|\$\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?P<default>:-[^}]*)?\}|\$\{")


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpolated:
    """A text with its variables replaced. `names`: variables whose values it contains; `problems`: sentences without values."""

    text: str
    names: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def interpolate(text: str, environment: Mapping[str, str]) -> Interpolated:
    """Returns the text with every reference replaced. A default is used if the variable is unset or empty."""
    if "${" not in text:
        return Interpolated(text=text)
    names: list[str] = []
    problems: list[str] = []

    def replaced(match: re.Match[str]) -> str:
        name, default = match["name"], match["default"]
        if match[0] == "$${":
            return "${"
        if name is None:
            problems.append(
                "`${` begins the name of an environment variable, as in ${NAME} or ${NAME:-default}; for the characters themselves "
                "write `$${`"
            )
        elif default is not None and not environment.get(name):
            return default[2:]
        elif name in environment:
            names.append(name)
            return environment[name]
        else:
            problems.append(f"the environment variable {name} is not set; set it, or write ${{{name}:-default}}")
        return match[0]

    filled = _REFERENCE.sub(replaced, text)
    return Interpolated(text=filled, names=tuple(names), problems=tuple(problems))
