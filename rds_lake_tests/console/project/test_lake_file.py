"""A person who writes the file behind the command, as with most programs that check a file, gets what they mean."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml
from click.testing import CliRunner, Result

from rds_lake.cli import main
from rds_lake_tests.config.test_problems import LAKE, SOURCES

# What a command asks for besides.
_NEEDS = {"notify": ["--test"], "streams package": ["--forwarder"]}


def commands(command: click.Command = main, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Commands that read lake.yaml and have no arguments of their own."""
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from commands(below, (*words, name))
    elif any(one.name == "config_path" for one in command.params):
        own = [one for one in command.params if isinstance(one, click.Argument) and one.name != "lake_yaml"]
        if not own:
            yield words


def call(*words: str) -> Result:
    return CliRunner().invoke(main, words)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a file that is called otherwise."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other.yaml").write_text(yaml.safe_dump({"lake": LAKE, "sources": [SOURCES["rds"]]}), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("words", [*commands()], ids=" ".join)
def test_a_file_behind_a_command_without_arguments_is_its_lake_yaml(words: tuple[str, ...]) -> None:
    done = call(*words, "elsewhere.yaml", *_NEEDS.get(" ".join(words), []))
    assert "elsewhere.yaml does not exist" in done.output


def test_the_file_is_read_whichever_way_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for words in (["other.yaml"], ["--config", "other.yaml"], ["other.yaml", "--config", "other.yaml"]):
        assert call("validate", *words).output.startswith("other.yaml is valid: 1 source")
    monkeypatch.setenv("RDS_LAKE_CONFIG", "nowhere.yaml")
    assert call("validate", "other.yaml").output.startswith("other.yaml is valid"), "what is typed counts for more"


def test_two_files_are_one_too_many() -> None:
    done = call("validate", "other.yaml", "--config", "lake.yaml")
    assert done.exit_code == 2
    assert "lake.yaml is given twice: other.yaml and --config lake.yaml; leave one out" in done.output


@pytest.mark.parametrize("words", [["streams", "triggers", "other.yaml"], ["warehouse", "run", "other.yaml"]])
def test_a_file_in_the_place_of_a_name_is_refused_with_the_option_to_use(words: list[str]) -> None:
    done = call(*words, "--config", "other.yaml")
    assert done.exit_code == 1
    assert "other.yaml is a file: write `--config other.yaml`" in " ".join(done.output.split())
