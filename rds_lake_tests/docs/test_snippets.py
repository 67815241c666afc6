"""Every code block of every page is what it says: commands have these options, lake.yaml is valid, Python and SQL can be read."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import sqlglot
import yaml

from rds_lake.cli import main
from rds_lake.config.lake_yaml import parse_config
from rds_lake_tests.docs.snippets import Block, blocks, commands, inline_commands, pages, shell_lines

ROOT = Path(__file__).parents[2]
# What a fenced block may be. `none` is output, which nobody runs; `console` is typed again by `test_recordings.py`.
_LANGUAGES = {"bash", "yaml", "sql", "python", "json", "hcl", "console", "none"}
# What a line of the shell may begin with.
_PROGRAMS = {
    "rds-lake",
    "dagster",
    "python3",
    "pip",
    "cd",
    "eval",
    "curl",
    "until",
    "make",
    "_RDS_LAKE_COMPLETE",
    "DAGSTER_HOME",
}
_SECTIONS = {"lake", "sources", "warehouses"}
_BASE: dict[str, Any] = {
    "lake": {
        "bucket": "acme-lake",
        "export_role": "arn:aws:iam::111122223333:role/rds-lake-export",
        "kms_key": "alias/rds-lake",
        "events_queue": "rds-lake-events",
        "start_date": "2026-01-01",
    },
    "source": {"name": "shop", "kind": "rds", "identifier": "shop-prod"},
}


@cache
def found() -> list[Block]:
    return blocks(ROOT)


def of(language: str) -> list[Block]:
    return [block for block in found() if block.language == language]


def walk(words: list[str]) -> tuple[click.Command, list[str]]:
    """The command that the words call, and the words behind its name."""
    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        inner = command.get_command(click.Context(command), words[0])
        assert inner is not None, f"there is no command {words[0]!r}"
        command, words = inner, words[1:]
    return command, words


def test_the_pages_have_the_blocks_that_these_tests_look_at() -> None:
    assert {block.language for block in found()} - {""} <= _LANGUAGES
    assert len(of("bash")) > 20 and len(of("yaml")) > 5 and len(of("sql")) > 2


def test_every_command_of_a_code_block_has_these_arguments() -> None:
    listed = [(block, words) for block in found() for words in commands(block.text)]
    assert len(listed) > 60
    for block, words in listed:
        command, rest = walk(words)
        try:
            if not isinstance(command, click.Group):
                command.make_context(" ".join(words), rest)
        except click.ClickException as error:
            pytest.fail(f"{block.page}: rds-lake {' '.join(words)}: {error.format_message()}")


def test_every_command_within_a_sentence_has_these_options() -> None:
    for page in pages(ROOT):
        for text in inline_commands(page.read_text(encoding="utf-8")):
            command, rest = walk([word for word in text.split()[1:] if word != "…"])
            known = {name for param in command.params for name in param.opts}
            assert {word.partition("=")[0] for word in rest if word.startswith("--")} <= known, f"{page.name}: {text}"


def test_every_line_for_the_shell_is_of_a_program_that_the_reader_has() -> None:
    lines = list(shell_lines([block.text for block in of("bash")]))
    strange = [line for line in lines if re.split(r"[ =]", line, maxsplit=1)[0] not in _PROGRAMS]
    assert strange == []


@pytest.mark.parametrize("block", of("yaml"), ids=str)
def test_every_piece_of_lake_yaml_is_valid(block: Block) -> None:
    piece = yaml.safe_load(block.text)
    assert set(piece) <= _SECTIONS, f"{block}: which file is this of? Teach this test to check it"
    parse_config(yaml.safe_dump(completed(piece)), where=str(block))


def completed(piece: dict[str, Any]) -> dict[str, Any]:
    """A whole lake.yaml with the piece in it: what the piece leaves out is a small lake's."""
    loads = [load for warehouse in piece.get("warehouses", []) for load in warehouse.get("loads", [])]
    loaded = {load["table"].partition(".")[0] for load in loads if "table" in load}
    sources = piece.get("sources") or [{"name": name} for name in sorted(loaded)] or [{}]
    whole = [source if source.get("kind", "rds") != "rds" else _BASE["source"] | source for source in sources]
    return piece | {"lake": _BASE["lake"] | piece.get("lake", {}), "sources": whole}


def test_every_indented_piece_of_lake_yaml_is_valid() -> None:
    pieces = [block for block in of("") if re.match(r"(sources|streams|warehouses):|- name:", block.text)]
    assert len(pieces) >= 3
    for block in pieces:
        piece = yaml.safe_load(block.text)
        piece = {"sources": piece} if isinstance(piece, list) else piece
        piece = {"sources": [piece]} if "streams" in piece else piece
        parse_config(yaml.safe_dump(completed(piece)), where=str(block))


@pytest.mark.parametrize("block", of("python"), ids=str)
def test_every_piece_of_python_compiles(block: Block) -> None:
    ast.parse(block.text)


def test_every_piece_of_json_can_be_read() -> None:
    for block in of("json"):
        json.loads(block.text)


def test_every_query_of_athena_can_be_read() -> None:
    queries = [block for block in of("sql") if "streams-triggers" not in block.page]
    assert queries
    for block in queries:
        sqlglot.parse_one(block.text, dialect="athena")
