"""The shell completes commands and options, by the words of docs/project.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rds_lake.cli import main


def completed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], instruction: str, words: str = ""
) -> str:
    monkeypatch.setenv("_RDS_LAKE_COMPLETE", instruction)
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(max(0, len(words.split()) - 1)))
    with pytest.raises(SystemExit):
        main.main([], prog_name="rds-lake", complete_var="_RDS_LAKE_COMPLETE")
    return capsys.readouterr().out


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_the_line_of_the_page_makes_a_script_for_the_shell(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], shell: str
) -> None:
    page = (root / "docs" / "project.md").read_text(encoding="utf-8")
    (instruction,) = re.findall(rf"_RDS_LAKE_COMPLETE=({shell}_source) rds-lake", page)
    assert "rds-lake" in completed(monkeypatch, capsys, instruction)


def test_commands_and_options_are_completed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "_RDS_LAKE_COMPLETE=bash_complete" in completed(monkeypatch, capsys, "bash_source")
    assert completed(monkeypatch, capsys, "bash_complete", "rds-lake pol") == "plain,policy\n"
    assert "plain,--fail-if-stale\n" in completed(monkeypatch, capsys, "bash_complete", "rds-lake status --fail")
