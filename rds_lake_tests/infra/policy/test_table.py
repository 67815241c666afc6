"""The table of permissions in the documents is the policies'."""

from __future__ import annotations

from rds_lake_tests.infra.policy.permissions_table import COMMAND, PAGE, replaced


def test_the_documents_list_the_permissions_that_are_printed() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == replaced(page), f"docs/configuration.md is of another release: run `{COMMAND}`"
