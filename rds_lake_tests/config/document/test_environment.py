"""`${NAME}` in lake.yaml: filled in, refused where it is not set, and never shown."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rds_lake.config.document.environment import interpolate
from rds_lake.config.document.secrets import without_secrets
from rds_lake.config.lake_yaml import load_config, parse_config
from rds_lake.errors import ConfigError
from rds_lake_tests.config.document.test_places import file_with, problems_of


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("${A}", "one"),
        ("x-${A}-${B}", "x-one-two"),
        ("${UNSET:-z}", "z"),
        ("${EMPTY:-z}", "z"),
        ("${EMPTY}", ""),
        ("${UNSET:-}", ""),
        ("${A:-z}", "one"),
        ("$${A}", "${A}"),
        ("$A and a$b and $$", "$A and a$b and $$"),
        ("${A}}", "one}"),
    ],
)
def test_variables_are_filled_in(text: str, filled: str) -> None:
    made = interpolate(text, {"A": "one", "B": "two", "EMPTY": ""})
    assert (made.text, made.problems) == (filled, ())


def test_the_environments_values_are_not_read_again_as_references() -> None:
    assert interpolate("${A}", {"A": "${B}", "B": "x"}).text == "${B}"


def test_numbers_and_truths_may_come_from_the_environment() -> None:
    text = file_with(line_9="    kind: rds\n    athena: ${ATHENA}\n    retention: {daily: '${DAYS}'}")
    source = parse_config(text, where="lake.yaml", environment={"ATHENA": "false", "DAYS": "30"}).source("shop")
    assert not source.athena
    assert source.retention and source.retention.daily == 30


def test_a_file_takes_the_variables_of_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAKE_BUCKET", "from-the-shell")
    place = tmp_path / "lake.yaml"
    place.write_text(file_with(line_2="  bucket: ${LAKE_BUCKET}"), encoding="utf-8")
    assert load_config(place).lake.bucket == "from-the-shell"


def test_each_variable_that_is_not_set_is_named_with_its_line_and_makes_no_other_problem() -> None:
    text = file_with(
        line_2="  bucket: ${LAKE_BUCKET}", line_6="  start_date: ${START}", line_10="    identifier: ${WHICH-x}"
    )
    assert problems_of(text) == [
        "line 2, column 11: the environment variable LAKE_BUCKET is not set; set it, or write ${LAKE_BUCKET:-default}",
        "line 6, column 15: the environment variable START is not set; set it, or write ${START:-default}",
        "line 10, column 17: `${` begins the name of an environment variable, as in ${NAME} or ${NAME:-default}; for the characters "
        "themselves write `$${`",
    ]


_WRONG = {
    2: "  bucket: {}",
    3: "  export_role: {}",
    6: "  start_date: {}",
    8: "  - name: {}",
    9: "    kind: {}",
    10: "    identifier: {}\n    which: {}\n    include: ['x {}']\n    max_drop: {}\n    verify: {{secret: {}}}\n    "
    "union: {{a: '({}'}}",
    12: "    kind: dynamodb\n    engine: {}\n    rename: {{a: {}}}\n    export_at: {}",
    13: "    tables: ['{}', '{}']",
}  # fmt: skip


@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=0x2FF), min_size=8, max_size=150),
    line=st.sampled_from([*_WRONG]),
)
@example(secret="hunter2-hunter2", line=2)
@example(secret="arn:aws:secretsmanager:us-east-1:1:secret:x", line=3)
@example(secret="x" * 150, line=9)
@example(secret='it\'s \\ "quoted"', line=13)
def test_no_message_shows_what_came_from_the_environment(secret: str, line: int) -> None:
    text = file_with(**{f"line_{line}": _WRONG[line].replace("{}", "${SECRET}").replace("{{", "{").replace("}}", "}")})
    text = re.sub(r"(?<!')(\$\{SECRET\})(?=\})", r"'\1'", text)
    try:
        parse_config(text, where="lake.yaml", environment={"SECRET": secret})
    except ConfigError as error:
        message = str(error).lower()
        assert not any(secret[at : at + 8].lower() in message for at in range(len(secret) - 7))
        assert all(problem.startswith("line ") for problem in error.problems)


def test_a_value_is_shown_as_its_reference() -> None:
    (problem,) = problems_of(file_with(line_2="  bucket: ${LAKE_BUCKET}"), LAKE_BUCKET="Hunter_2")
    assert problem.endswith("not '${LAKE_BUCKET}'")
    assert "Hunter" not in problem


def test_a_short_value_leaves_the_sentence_readable() -> None:
    assert without_secrets("must be a number, not 'a'", {"a": "${A}"}) == "must be a number, not ${A}"
