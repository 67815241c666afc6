"""The kinds of sources, and reading one entry of `sources:`.

A new kind of source needs a settings class in its own file (as in `config/dynamodb.py`), an entry in the union below, a run in
`stages/`, and a case in `stages/watch/sources.py`.

What belongs here: the union, and errors about keys that a kind does not have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, TypeAlias, get_args

from rds_lake.config.database import Aurora, Rds
from rds_lake.config.dynamodb import DynamoDb
from rds_lake.config.lake import LakeSettings
from rds_lake.config.reading import Read, not_a_mapping, read_settings
from rds_lake.config.text import shown

SourceSettings: TypeAlias = Rds | Aurora | DynamoDb

# Value of `kind` -> class of the settings.
KINDS: Mapping[str, type[SourceSettings]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model for model in get_args(SourceSettings)
}
_CONVERTERS = ("local", "glue", "auto")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSource:
    """The valid keys of one entry of `sources:`, its problems, and notices about old names that still work."""

    settings: SourceSettings | None
    problems: tuple[str, ...]
    notices: tuple[str, ...] = ()


def read_source(raw: object, place: str) -> ReadSource:
    """Returns the entry at `place` (`sources.0`). Invalid keys are missing in the settings, see `Read`."""
    if not isinstance(raw, dict):
        return ReadSource(settings=None, problems=(not_a_mapping(raw, place, "a source's keys, such as `kind: rds`"),))
    kind = raw.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        guessed = _nearest_kind(raw)
        read = read_settings(KINDS[guessed], {**raw, "kind": guessed}, place, elsewhere=_keys_of_all_kinds)
        return ReadSource(settings=None, problems=(_no_kind(raw, place), *read.problems))
    model = KINDS[kind]
    renamed, problems, notices = _with_converter(raw, place) if model is DynamoDb else (raw, (), ())
    read: Read[SourceSettings] = read_settings(model, renamed, place, elsewhere=lambda key: _of_other_kinds(key, kind))
    return ReadSource(settings=read.settings, problems=(*problems, *read.problems), notices=notices)


def _nearest_kind(raw: Mapping[Any, Any]) -> str:
    """Returns the kind that has the most keys of the entry."""
    return max(KINDS, key=lambda kind: len(KINDS[kind].model_fields.keys() & raw.keys()))


def _no_kind(raw: Mapping[Any, Any], place: str) -> str:
    words = [f"`kind: {kind}` ({model.described})" for kind, model in KINDS.items()]
    kinds = f"{', '.join(words[:-1])} or {words[-1]}"
    if "kind" not in raw:
        return f"{place}.kind: is required; add {kinds}"
    if raw["kind"] is None:
        return f"{place}.kind: has no value; write {kinds}"
    nearest = get_close_matches(str(raw["kind"]).lower(), KINDS, n=1)
    advice = f"did you mean `{nearest[0]}`? Write" if nearest else "write"
    return f"{place}.kind: {shown(raw['kind'])} is not a kind of source; {advice} {kinds}"


def _of_other_kinds(key: str, kind: str) -> str | None:
    kinds = [other for other, model in KINDS.items() if key in model.model_fields]
    if not kinds:
        return "is a key of `lake:`; write it there" if key in LakeSettings.model_fields else None
    belongs = f"kind {kinds[0]}" if len(kinds) == 1 else f"kinds {' and '.join(kinds)}"
    return f"is not a key of kind {kind}; remove it (it is a key of {belongs})"


def _keys_of_all_kinds(key: str) -> str | None:
    """For an entry of unknown kind: reports a key only if no kind has it."""
    return "" if any(key in model.model_fields for model in KINDS.values()) else None


def _with_converter(raw: dict[Any, Any], place: str) -> tuple[dict[Any, Any], tuple[str, ...], tuple[str, ...]]:
    """Returns the keys with `engine`, the old name, replaced by `converter`; problems; notices."""
    if "engine" not in raw:
        return raw, (), ()
    rest = {key: value for key, value in raw.items() if key != "engine"}
    engine = raw["engine"]
    if engine is None:
        return rest, (), ()
    if engine not in _CONVERTERS:
        return rest, (f"{place}.engine: kind dynamodb has no engine; remove it "
                      f"(`converter: {', '.join(_CONVERTERS)}` is what converts)",), ()  # fmt: skip
    if "converter" in raw:
        return rest, (f"{place}.engine: is the old name of `converter`, and both are given; remove `engine`",), ()
    notice = (
        f"{place}: `engine: {engine}` is now written `converter: {engine}`; the old name still works, please change it"
    )
    return {**rest, "converter": engine}, (), (notice,)
