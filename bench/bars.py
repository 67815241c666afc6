"""The goals of the measurements: one line per bar for scripts, and the exit code of a program that missed one."""

from __future__ import annotations

import sys

import click

_short: list[str] = []  # the bars this process missed: a program is one run


def bar(name: str, figure: float, goal: float, *, at_most: bool = False) -> None:
    """Print `BENCH name figure goal met|short`. `at_most`: the figure may not exceed the goal, else not fall below it."""
    met = figure <= goal if at_most else figure >= goal
    click.echo(f"BENCH {name} {figure:.3g} {'<=' if at_most else '>='}{goal:g} {'met' if met else 'short'}")
    if not met:
        _short.append(name)


def exit_by_bars() -> None:
    """End the program: exit code 1, naming them, where bars were short."""
    if _short:
        sys.exit(f"short of the bar: {', '.join(_short)}")
    sys.exit(0)
