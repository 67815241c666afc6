"""The pages that are made from the code have all of it."""

from __future__ import annotations

import re

import click
import pytest

from rds_lake.config.lake import LakeSettings
from rds_lake.config.source import KINDS
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake_tests.docs.assets_page import assets_page
from rds_lake_tests.docs.commands_page import commands, commands_page
from rds_lake_tests.docs.keys_page import keys_page
from rds_lake_tests.docs.llms import Entry, first_sentence, llms_text


@pytest.mark.parametrize(
    ("words", "command"), list(commands()), ids=lambda value: str(value) if isinstance(value, str) else ""
)
def test_every_command_has_its_options_and_arguments(words: str, command: click.Command) -> None:
    section = commands_page().split(f"## {words}\n", 1)[1].split("\n## ", 1)[0]
    for param in command.params:
        shown = (
            max(param.opts, key=len) if isinstance(param, click.Option) else param.make_metavar(click.Context(command))
        )
        assert shown in section, words


def test_every_key_of_lake_yaml_is_there_with_what_it_may_be() -> None:
    page = keys_page()
    for title, model in {
        "`lake:`": LakeSettings,
        **{f"`sources:`, `kind: {kind}`": model for kind, model in KINDS.items()},
        "`warehouses:`": WarehouseSettings,
    }.items():
        section = page.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
        assert set(re.findall(r"^\| `(\w+)` \| \S", section, re.MULTILINE)) == set(model.model_fields)


def test_a_table_of_the_pages_has_as_many_cells_in_each_row() -> None:
    for page in (assets_page(), commands_page(), keys_page()):
        for table in re.findall(r"(?:^\|.*\n)+", page, re.MULTILINE):
            assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table


def test_assets_and_checks_are_named_as_a_reader_would_and_not_as_in_the_lakes_they_are_made_of() -> None:
    page = assets_page()
    assert "| `<source>/<table>` | `<table>` as a typed Athena view" in page
    assert "| `<source>/catalog` | `rows_readable` | yes |" in page
    assert not re.search(r"\b(shop|reviews|nightly|adhoc|acme)\b", page)


def test_llms_txt_lists_the_pages_in_their_order_by_their_first_sentence() -> None:
    pages = [
        Entry(
            section="Start",
            title="Try it",
            address="try.md",
            text="# Try it\n\n![x](y.png)\n\nOne [link](a.md). Two.\n",
        ),
        Entry(
            section="Start", title="Account", address="account.md", text="# A\n\nFrom **nothing** to a view:\n\n    x\n"
        ),
        Entry(section="More", title="Cost", address="guides/cost.md", text="# C\n\n| a |\n\n> no\n\nCosts money.\n"),
    ]
    assert llms_text("rds-lake", "About it.", pages) == (
        "# rds-lake\n\n> About it.\n\n## Start\n\n- [Try it](try.md): One link.\n"
        "- [Account](account.md): From nothing to a view\n\n## More\n\n- [Cost](guides/cost.md): Costs money.\n"
    )
    assert first_sentence("# Only a title\n") == ""
