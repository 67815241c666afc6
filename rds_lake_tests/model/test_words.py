"""A number and its noun agree."""

import re

import pytest

from rds_lake.model.words import counted
from rds_lake_tests.house import PACKAGE

# What a person may see one of. Constants (`{MOST_BYTES} bytes`) and parts (`{same} of …`) are no such thing.
_NOUNS = "dates|tables|sources|objects|views|exports|statements"
_PLURAL = re.compile(r"\{(?:len\([a-z_.]+\)|count|many)(?::,)?\} (?:" + _NOUNS + r")\b")


@pytest.mark.parametrize(
    ("number", "words", "sentence"),
    [(0, "0 dates", "0 dates stay"), (1, "1 date", "1 date stays"), (61500, "61,500 dates", "61,500 dates stay")],
)
def test_one_is_singular_and_every_other_number_plural(number: int, words: str, sentence: str) -> None:
    assert counted(number, "date") == words
    assert counted(number, "date", "stays", "stay") == sentence


def test_no_command_says_one_dates() -> None:
    """Where a command prints how many there are, the noun is made by `counted`."""
    found = [
        f"{path.name}:{number}: {line.strip()}"
        for path in (PACKAGE / "console").rglob("*.py")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if _PLURAL.search(line)
    ]
    assert found == []
