"""The events of triggers of `capture: lambda`: one change, or a list of changes of one statement.

    {"id": "6f1c…", "source": "shop", "table": "shop.public.routes", "op": "U", "at": "2026-11-28T03:00:00.123456+00:00",
     "xid": 801, "key": {"id": "7"}, "old": {"id": "7", "v": "a"}, "new": {"id": "7", "v": null}}

`op` is I, U, D or T (TRUNCATE, without key and images). Values of key and images are texts or null. `xid` is null if the engine
does not give it. `omitted`, if present, lists columns whose values were too large to send. Unknown members are kept.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

_IMAGES = {"I": ("key", "new"), "U": ("key", "old", "new"), "D": ("key", "old"), "T": ()}
Change = dict[str, Any]


class BadChangeError(ValueError):
    """The event is neither a change nor a list of changes. The message lists every problem, but no value of a row."""


def read_changes(event: Any) -> list[Change]:
    """Returns the changes of an event. BadChangeError if one of them is wrong."""
    changes = event if isinstance(event, list) else [event]
    wrong = [f"change {number}: {text}" for number, change in enumerate(changes) for text in _problems(change)]
    if not changes:
        wrong = ["the list of changes is empty"]
    if wrong:
        raise BadChangeError(f"the event is not what rds-lake's triggers send: {'; '.join(wrong[:20])}")
    return changes


def line_of(change: Change) -> bytes:
    """Returns a change as a line of a file of changes."""
    return json.dumps(change, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _problems(change: Any) -> list[str]:
    if not isinstance(change, dict):
        return [f"it is a JSON {type(change).__name__}, not an object"]
    texts = [
        name for name in ("id", "source", "table", "at") if not (isinstance(change.get(name), str) and change[name])
    ]
    wrong = [f"{name} is not a text" for name in texts]
    if "at" not in texts and not _is_time(change["at"]):
        wrong.append("at is not a time with a zone (2026-11-28T03:00:00+00:00)")
    if not _is_number(change.get("xid")):
        wrong.append("xid is not a number")
    op = change.get("op")
    if not isinstance(op, str) or op not in _IMAGES:
        return [*wrong, "op is not I, U, D or T"]
    omitted = change.get("omitted") or []
    wrong += [f"{name} is needed for op {op}" for name in _IMAGES[op] if _lacks(change.get(name), name, omitted)]
    wrong += [f"{name} is not an object of texts" for name in ("key", "old", "new") if not _is_image(change.get(name))]
    if not isinstance(omitted, list) or not all(isinstance(column, str) for column in omitted):
        wrong.append("omitted is not a list of column names")
    return wrong


def _lacks(image: Any, name: str, omitted: Any) -> bool:
    """Whether an image or key is missing, and not because its columns were too large."""
    if omitted:
        return image is None and name != "key"
    return not image


def _is_image(image: Any) -> bool:
    if image is None:
        return True
    return isinstance(image, dict) and all(value is None or isinstance(value, str) for value in image.values())


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int) and not isinstance(value, bool))


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
