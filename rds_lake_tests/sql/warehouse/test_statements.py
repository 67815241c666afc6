"""Files of SQL taken apart: where statements end, on which lines they begin, and what parameters become."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.sql.warehouse.pieces import pieces
from rds_lake.sql.warehouse.statements import MOST_BYTES, filled, split, too_long

PROCEDURE = (
    "create procedure p() as $body$\nbegin\n  delete from a; -- ;\n  raise info '$$;';\nend;\n$body$ language plpgsql"
)
# Each is one statement or comment whole; none has a semicolon of its own.
STATEMENTS = [
    "select 1", "select 'a;b'", "select 'it''s; \\'quoted\\';'", 'select ";" from "a;b"', "select $$ ; $$", PROCEDURE,
    "select /* ; /* nested ; */ ; */ 2", "select 1 -- ;\n + 2", "select a$1$b, '$$'", "select '/*', '--' ",
]  # fmt: skip


def test_semicolons_within_texts_names_comments_and_bodies_end_no_statement() -> None:
    assert [one.sql for one in split(";\n".join(STATEMENTS) + ";;\n-- the end ;\n/* ; */")] == [
        s.strip() for s in STATEMENTS
    ]


@given(st.lists(st.tuples(st.sampled_from(STATEMENTS), st.integers(0, 3), st.booleans()), max_size=8))
def test_a_statement_is_on_the_line_of_its_first_word(chosen: list[tuple[str, int, bool]]) -> None:
    text, lines = "", []
    for statement, blank, commented in chosen:
        text += "\n" * blank + ("-- about; it\n" if commented else "")
        lines.append(text.count("\n") + 1)
        text += statement + ";"
    assert [one.line for one in split(text)] == lines
    assert [one.sql for one in split(text)] == [statement.strip() for statement, _, _ in chosen]


@given(st.text(alphabet=st.sampled_from("ab;'\"$-/*\\\n {}"), max_size=40))
def test_the_pieces_of_any_text_are_the_text(text: str) -> None:
    found = list(pieces(text))
    assert "".join(piece.text for piece in found) == text
    line = 1
    for piece in found:
        assert piece.line == line
        line += piece.text.count("\n")


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20))
def test_a_parameter_is_one_text_whatever_is_in_it(value: str) -> None:
    sql, wrong = filled("select {{ x }}::varchar; select 2", {"x": value})
    assert wrong == () and len(split(sql)) == 2
    assert split(sql)[0].sql.startswith("select '") and split(sql)[0].sql.endswith("'::varchar")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select 1;\nselect '{{x}}'", "line 2: {{x}} is within quotes"),
        ("select\n\n {{y}}", "line 3: no parameter is named 'y'; there are: x"),
        ("select 1;\nselect 'a", "line 2: a text begins here and has no end"),
        ("/* a", "line 1: a comment begins here and has no end"),
        ("select $$ a", "line 1: a dollar-quoted body begins here and has no end"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(sql: str, said: str) -> None:
    assert filled(sql, {"x": "1"})[1][0].startswith(said)


def test_a_parameter_in_a_comment_is_left_there() -> None:
    assert filled("-- {{y}}\nselect 1", {}) == ("-- {{y}}\nselect 1", ())


def test_a_statement_that_is_too_long_is_said_before_anything_runs() -> None:
    (said,) = too_long("select 1;\n\nselect '" + "x" * MOST_BYTES + "'")
    assert said.startswith("line 3: statement 2 has 102,409 bytes, and the Data API takes 102,400")
