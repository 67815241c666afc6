"""AWS's remarks about an export or an entry (`WarningMessage`, `warningMessage`), and their meaning.

    {"skippedTables": [{"tableName": "shop.public.pay", "reason": "PERMISSIONS_DO_NOT_EXIST"}]}     data is missing
    {"skippedDatabase": [{"reason": "DATABASE_IS_EMPTY"}]}                                          nothing is missing
    {"somethingNew": [{"reason": "NEVER_SEEN"}]}                                                    unknown: AWS's words

AWS lists neither the keys nor the reasons. So any form is accepted (text, JSON in a text, objects, lists), and the words decide
the meaning: a remark with a word for lost data means lost data, whatever else it contains.

What belongs here: the meaning of a remark. `completeness.py` decides what follows from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Meaning(Enum):
    """Whether a reader would miss data."""

    HARMLESS = "harmless"
    UNKNOWN = "unknown"
    LOSS = "loss"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark:
    """One remark. `key`: AWS's own, empty if none; `text`: AWS's words; `skips_database`: a whole database was skipped."""

    key: str
    text: str
    meaning: Meaning
    skips_database: bool = False

    def __str__(self) -> str:
        return f"{self.key}: {self.text}" if self.key else self.text


_LOSS = re.compile(
    "PERMISSION|DENIED|FAIL|ERROR|TIME_?OUT|TIMED_OUT|UNABLE|CANNOT|CAN_NOT|COULD_NOT|CORRUPT|INCOMPLETE|PARTIAL|HALF|MISSING|"
    "LOST|LOSS|SKIP|TRUNCAT|EXCEED|UNSUPPORTED|NOT_SUPPORTED|NOT_EXPORTED|OMITTED|ABORT|CANCEL|TABLES?_LIST"
)
_EMPTY = re.compile("(^|_)((?<!NOT_)EMPTY|NO_TABLES?|WITHOUT_(ANY_)?TABLES?)(_|$)")
_NAMES = re.compile(r"\w*(name|identifier)s?|(target|database|schema|table|column)s?", re.IGNORECASE)
_DEEP = 20  # AWS nests nothing this deep: such a text is shown unchanged
_LONG = 2_000


def read_remarks(text: str, *, of_database: bool = False) -> tuple[Remark, ...]:
    """Returns every remark in AWS's text, which may be JSON; never raises. `of_database`: the entry is about a database."""
    if not text.strip():
        return ()
    return tuple(_remark(key, value, of_database=of_database) for key, value in _pairs(_unpacked(text)))


def _unpacked(value: Any) -> Any:
    """Returns the object or list if the text is JSON of one, otherwise the value itself."""
    if not isinstance(value, str) or not value.lstrip().startswith(("{", "[", '"')):
        return value
    try:
        body = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return body if _is_shallow(body) else value


def _is_shallow(body: Any) -> bool:
    level = [body]
    for _ in range(_DEEP):
        level = [inner for outer in level for inner in _inside(outer)]
    return not level


def _inside(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    return value if isinstance(value, list) else []


def _pairs(body: Any) -> Iterator[tuple[str, Any]]:
    """Yields (key, entry) of every remark; a key without entries has no remark."""
    if isinstance(body, Mapping):
        lists = {key: value for key, value in body.items() if isinstance(value, Mapping | list)}
        loose = {key: value for key, value in body.items() if key not in lists and not _says_nothing(value)}
        for key, value in lists.items():
            yield from ((key, entry) for entry in _entries(value))
        # A reason without a key is an entry; `{"skippedDatabase": "DATABASE_IS_EMPTY"}` is one with a key.
        if "reason" in loose:
            yield "", loose
        else:
            yield from loose.items()
    else:
        yield from (("", entry) for entry in _entries(body))


def _entries(value: Any) -> Iterator[Any]:
    for entry in value if isinstance(value, list) else [value]:
        if not _says_nothing(entry):
            yield entry


def _says_nothing(entry: Any) -> bool:
    return entry is None or entry is False or entry in ("", [], {})


def _remark(key: str, entry: Any, *, of_database: bool) -> Remark:
    entry = _unpacked(entry)
    words, reasons = _words_of(key), [_words_of(reason) for reason in _reasons(entry)]
    skips = ("DATABASE" in words or of_database) and ("SKIP" in words or not key)
    said = " ".join((words, *reasons))
    if skips:
        said = said.replace("SKIPPED", "")  # a database may be skipped for a good reason; a table never is
    if _LOSS.search(said):
        meaning = Meaning.LOSS
    elif any(_EMPTY.search(reason) for reason in reasons):
        meaning = Meaning.HARMLESS
    else:
        meaning = Meaning.UNKNOWN
    return Remark(key=key, text=_shown(entry)[:_LONG], meaning=meaning, skips_database=skips)


def _words_of(text: str) -> str:
    """Returns `SKIPPED_TABLES` for `skippedTables` and `skipped tables`, without words with a dot, which are names."""
    plain = " ".join(part for part in text.split() if "." not in part.rstrip(".,;:"))
    return re.sub(r"[^A-Z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", plain).upper()).strip("_")


def _reasons(entry: Any) -> Iterator[str]:
    """Yields the texts of an entry that give a reason, without those that name something."""
    if isinstance(entry, Mapping):
        for key, value in entry.items():
            if not (isinstance(value, str) and _NAMES.fullmatch(str(key))):
                yield from _reasons(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from _reasons(value)
    elif isinstance(entry, str):
        yield entry


def _shown(entry: Any) -> str:
    if isinstance(entry, Mapping):
        return ", ".join(f"{name} {_shown(value)}" for name, value in entry.items())
    return entry if isinstance(entry, str) else json.dumps(entry, ensure_ascii=False)
