"""Removes values of environment variables from sentences, because a password in the wrong key must not get into a log."""

from __future__ import annotations

import re
from collections.abc import Mapping

# A sentence reveals a value if it contains at least this many consecutive characters of it.
_TELLING = 8
_WORDS = 4


def without_secrets(sentence: str, secrets: Mapping[str, str]) -> str:
    """Returns the sentence with `${NAME}` in place of values; a general sentence if a part of a value would remain."""
    for value, written in secrets.items():
        for form in _forms(value):
            sentence = re.sub(re.escape(form), lambda _, written=written: written, sentence, flags=re.IGNORECASE)
    shown = [written for value, written in secrets.items() if _is_shown(value, _without_names(sentence, secrets))]
    if not shown:
        return sentence
    return f"the value of {' and '.join(dict.fromkeys(shown))} is not valid here; it is not shown, since it comes from the environment"


def _forms(value: str) -> list[str]:
    """Returns the forms in which a sentence may show the value; of a short value only the quoted ones, as words may contain it."""
    quoted = [repr(value), repr(value.strip().rstrip("/"))]
    plain = [form for text in quoted if len(form := text[1:-1]) >= _WORDS]
    return sorted({value, *plain} if len(value) >= _WORDS else set(quoted), key=len, reverse=True)


def _without_names(sentence: str, secrets: Mapping[str, str]) -> str:
    for written in secrets.values():
        sentence = sentence.replace(written, "")
    return sentence


def _is_shown(value: str, sentence: str) -> bool:
    text = sentence.lower()
    return any(value[at : at + _TELLING].lower() in text for at in range(len(value) - _TELLING + 1))
