"""Turns PyYAML's errors into sentences with line and column."""

from __future__ import annotations

import unicodedata

import yaml

_INDENT = "tab in the indentation"
_NO_COLON = "could not find expected ':'"
_TAB = "found character '\\t' that cannot start any token"
# PyYAML's messages, which describe the state of its parser -> what is wrong in the file.
_WORDS = (
    (_INDENT, "this line is indented with a tab, and YAML allows only spaces; replace the tab with spaces"),
    (_TAB, "a tab is not allowed before a value; replace it with a space"),
    (
        "for merging",
        "`<<:` needs the name of a mapping, as in `<<: *name`; name one, or remove the line",
    ),
    (
        "mapping values are not allowed here",
        "this value has a second `:`, or the line is indented too far; put the value in quotes, or correct the indentation",
    ),
    ("expected <block end>", "this line is indented differently from the lines around it; align them"),
    (_NO_COLON, "this key has no `:` after it; write `key: value`"),
    (
        "expected '<document start>'",
        "this text is outside of the document; remove the line `...` or the line with % above it",
    ),
    ("found incompatible YAML document", "this version of YAML is not supported; remove this line"),
    (
        "found another document",
        "a second document begins here (`---`), and lake.yaml must have only one; remove the line",
    ),
    (
        "found undefined alias",
        "`*` refers to a name that is not defined with `&` above; define it, or put the value in quotes",
    ),
    ("found unexpected end of stream", "a quote, [ or { is not closed; close it"),
    ("expected ',' or ']'", "a list in [ ] is not closed, or a comma is missing; a ${VARIABLE} in it needs quotes"),
    ("expected ',' or '}'", "a mapping in { } is not closed, or a comma is missing; a ${VARIABLE} in it needs quotes"),
    ("expected the node content", "a value is missing here; if it begins with a special character, put it in quotes"),
    ("unhashable key", "a list or mapping cannot be a key; put the key in quotes"),
    (
        "could not determine a constructor",
        "rds-lake supports no YAML tags (words after `!`); remove them",
    ),
    ("that cannot start any token", "a value may not begin with this character; put the value in quotes"),
)


def syntax_problem(error: Exception, text: str) -> str:
    """Returns `line 4, column 1: …`; without line and column if PyYAML does not give them."""
    if isinstance(error, RecursionError):
        return "lists or mappings are nested hundreds deep"
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"line {line}: the character U+{int(error.character):04X} is not allowed in YAML; remove it"
    if not isinstance(error, yaml.MarkedYAMLError) or not (mark := error.problem_mark or error.context_mark):
        return f"{error or type(error).__name__}"
    said = error.problem or error.context or "it cannot be read"
    if _NO_COLON in said and error.context_mark:
        mark = error.context_mark  # the key's position; PyYAML notices the problem on a later line
    line = text.splitlines()[mark.line] if mark.line < len(text.splitlines()) else ""
    if line[: len(line) - len(line.lstrip())].count("\t"):
        said = _INDENT
    sentence = next((sentence for word, sentence in _WORDS if word in said), said)
    if foreign := foreign_space(line):
        sentence = f"{sentence}; the line has {foreign}"
    return f"line {mark.line + 1}, column {mark.column + 1}: {sentence}"


def foreign_space(text: str) -> str | None:
    """Describes the first invisible character that YAML does not read as a space, often copied from a web page; None if none."""
    character = next((c for c in text if unicodedata.category(c) in ("Zs", "Cf") and c != " "), None)
    if character is None:
        return None
    name = unicodedata.name(character, "no name").lower()
    return f"the character U+{ord(character):04X} ({name}), which YAML does not read as a space: type the space again"
