"""What PyYAML cannot read, as a sentence with its line."""

from __future__ import annotations

import unicodedata

import yaml

_INDENT = "tab in the indentation"
_NO_COLON = "could not find expected ':'"
_TAB = "found character '\\t' that cannot start any token"
# PyYAML's words, which describe its own states -> what a person did.
_WORDS = (
    (_INDENT, "a line may be indented by spaces only, and here is a tab; replace it by spaces"),
    (_TAB, "here is a tab, which may not stand before a value; replace it by a space"),
    (
        "for merging",
        "`<<:` takes the keys of other mappings, as in `<<: *name`, and this is none; remove it, or name one",
    ),
    (
        "mapping values are not allowed here",
        "a second `:` in one value, or a line that is indented further than its key allows; put the value in quotes, or correct "
        "the indentation",
    ),
    ("expected <block end>", "this line is indented differently from its neighbours; bring them to one column"),
    (_NO_COLON, "a key without a `:` after it; write `key: value`"),
    (
        "expected '<document start>'",
        "text that no document has a place for: remove what is above it, `...` or a line with %",
    ),
    ("found incompatible YAML document", "a version of YAML that is not read; remove this line"),
    ("found another document", "a second document begins here (`---`); lake.yaml is one"),
    (
        "found undefined alias",
        "`*` refers to a name that no `&` before it gives; put the value in quotes if it is none",
    ),
    ("found unexpected end of stream", "quotes, [ or { that are opened are not closed"),
    ("expected ',' or ']'", "a list in [ ] is not closed, or lacks a comma; a ${VARIABLE} in it needs quotes"),
    ("expected ',' or '}'", "keys in { } are not closed, or lack a comma; a ${VARIABLE} among them needs quotes"),
    ("expected the node content", "a value is missing here; put one that begins with a special character in quotes"),
    ("unhashable key", "a list or mapping cannot be a key; put the key in quotes"),
    (
        "could not determine a constructor",
        "words after `!` say how YAML is to read a value, and rds-lake knows none; remove them",
    ),
    ("that cannot start any token", "a value may not begin with this character; put the value in quotes"),
)


def syntax_problem(error: Exception, text: str) -> str:
    """`line 4, column 1: …`; without a place where PyYAML knows none."""
    if isinstance(error, RecursionError):
        return "lists or mappings are nested hundreds deep"
    if isinstance(error, yaml.reader.ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"line {line}: the character U+{int(error.character):04X} is not allowed in YAML; remove it"
    if not isinstance(error, yaml.MarkedYAMLError) or not (mark := error.problem_mark or error.context_mark):
        return f"{error or type(error).__name__}"
    said = error.problem or error.context or "it cannot be read"
    if _NO_COLON in said and error.context_mark:
        mark = error.context_mark  # where the key is; the problem is noticed on a line after it
    line = text.splitlines()[mark.line] if mark.line < len(text.splitlines()) else ""
    if line[: len(line) - len(line.lstrip())].count("\t"):
        said = _INDENT
    sentence = next((sentence for word, sentence in _WORDS if word in said), said)
    if foreign := foreign_space(line):
        sentence = f"{sentence}; the line has {foreign}"
    return f"line {mark.line + 1}, column {mark.column + 1}: {sentence}"


def foreign_space(text: str) -> str | None:
    """What a copy from a page or a chat may bring along and nobody sees: YAML takes it for a letter."""
    found = next((c for c in text if unicodedata.category(c) in ("Zs", "Cf") and c != " "), None)
    if found is None:
        return None
    name = unicodedata.name(found, "no name").lower()
    return f"the character U+{ord(found):04X} ({name}), which is none of YAML's spaces: write it anew"
