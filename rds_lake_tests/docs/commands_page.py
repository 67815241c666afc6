"""The page of all commands, made from click's own."""

from __future__ import annotations

from collections.abc import Iterator

import click

from rds_lake.cli import main

_ABOUT = """Every command, as `rds-lake COMMAND --help` says it. This page is made from the code when the site is built.

Every command but `init`, `schema`, `demo`, `dev` and `local` reads `lake.yaml` (`--config`, else `$RDS_LAKE_CONFIG`, else the file in
the working directory). A command without arguments of its own takes the file behind it as well: `rds-lake validate lake.yaml`.
An error is one sentence, and exit code 1; a command that is called wrongly ends with 2.
[Completion in the shell](../project.md#completion-in-the-shell) is there for bash, zsh and fish.
"""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, with the words that call it, in the order of `--help`."""
    yield from _below("rds-lake", main)


def _below(words: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield words, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        if found is not None and not found.hidden:
            yield from _below(f"{words} {name}", found)


def commands_page() -> str:
    """The page as Markdown."""
    return "\n".join(["# Commands", "", _ABOUT, *(_described(words, command) for words, command in commands())])


def _described(words: str, command: click.Command) -> str:
    context = click.Context(command, info_name=words)
    usage = command.get_usage(context).removeprefix("Usage: ")
    paragraphs = [" ".join(part.split()) for part in (command.help or "").split("\n\n")]
    options = [option for option in command.get_params(context) if isinstance(option, click.Option)]
    rows = [record for option in options if (record := option.get_help_record(context)) and record[0] != "--help"]
    table = [f"| `{_cell(names)}` | {_cell(said)} |" for names, said in rows]
    head = ["| option | meaning |", "|---|---|"] if table else []
    return "\n".join([f"## {words}", "", f"    {usage}", "", "\n\n".join(paragraphs), "", *head, *table, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
