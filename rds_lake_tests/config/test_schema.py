"""The JSON schema of lake.yaml: what an editor calls right or wrong is what rds-lake calls right or wrong."""

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rds_lake.config.document.document import read_document
from rds_lake.config.lake_yaml import parse_config
from rds_lake.config.schema import SCHEMA_FILE, lake_schema, schema_text
from rds_lake.config.source import KINDS
from rds_lake.demo.stack import DEMO_CONFIG
from rds_lake.errors import ConfigError

VALIDATOR = jsonschema.Draft7Validator(lake_schema(), format_checker=jsonschema.FormatChecker(["date"]))
BASE: dict[str, Any] = {
    "lake": {
        "bucket": "acme-lake",
        "export_role": "arn:aws:iam::111122223333:role/rds-lake-export",
        "kms_key": "alias/rds-lake",
        "events_queue": "rds-lake-events",
        "start_date": "2026-01-01",
        "prices": {"get_per_1000": 0.1},
    },
    "sources": [
        {"name": "shop", "kind": "rds", "identifier": "shop-prod", "retention": {"daily": 14}, "max_drop": 0.5},
        {"name": "bank", "kind": "aurora", "identifier": "bank-prod", "snapshots": ["manual"], "union": {"a": "a_.*"}},
        {"name": "reviews", "kind": "dynamodb", "tables": ["Reviews"], "export_at": "03:30"},
    ],
}
# What the validator says of a key by itself, which a schema can say as well.
_BY_ITSELF = (
    ": must be ",
    ": unknown key",
    ": is required",
    ": must not be empty",
    ": must have ",
    "is not a key of kind",
)
POOL = [
    None,
    True,
    -1,
    0,
    0.5,
    1,
    7,
    1e9,
    "x",
    "",
    "a b",
    "2026-02-30",
    "rds",
    [],
    ["x"],
    [3],
    {},
    {"x": 1},
    {"x": "y"},
]


def lake_files(root: Path) -> Iterator[Path]:
    """Every lake.yaml that people may start from."""
    yield root / "lake.yaml"
    yield DEMO_CONFIG
    for path in sorted((root / "examples").rglob("*.yaml")):
        if path.read_text(encoding="utf-8").count("\nsources:"):
            yield path


def refused(body: Any) -> bool:
    return not VALIDATOR.is_valid(body)


def problems_of(body: object) -> tuple[str, ...]:
    try:
        parse_config(yaml.safe_dump(body), where="lake.yaml")
    except ConfigError as error:
        return error.problems or (str(error),)
    return ()


def test_the_schema_that_ships_is_the_models_schema() -> None:
    remedy = "run: .venv/bin/python -m rds_lake.config.schema > rds_lake/config/lake.schema.json"
    assert SCHEMA_FILE.read_text(encoding="utf-8") == schema_text(), remedy


def test_it_is_a_schema_of_the_draft_it_names() -> None:
    jsonschema.Draft7Validator.check_schema(lake_schema())


def test_every_example_names_the_schema_in_its_first_line_and_fits_it(root: Path) -> None:
    files = list(lake_files(root))
    assert len(files) >= 4
    for path in files:
        text = path.read_text(encoding="utf-8")
        first = text.splitlines()[0]
        assert first.startswith("# yaml-language-server: $schema="), path
        assert (path.parent / first.partition("=")[2]).resolve() == SCHEMA_FILE, path
        body: Any = read_document(text, where=str(path), environment={}).body  # YAML 1.2, as editors read it
        assert not [error.message for error in VALIDATOR.iter_errors(body)], path
        parse_config(text, where=str(path))


def _keys_with_values(part: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every key that somebody may write, at whatever depth, with what the schema says of it; `if` only asks."""
    if isinstance(part, list):
        for at, item in enumerate(part):
            yield from _keys_with_values(item, (*way, str(at)))
    elif isinstance(part, dict):
        named = part.get("properties", {})
        yield from ((".".join((*way, key)), value) for key, value in named.items())
        for word, value in (*named.items(), *((word, value) for word, value in part.items() if word != "properties")):
            if word not in ("if", "default", "examples"):
                yield from _keys_with_values(value, (*way, word))


def test_every_key_is_described() -> None:
    """So an editor says what a key is for, and the page that is made of the schema has no empty cell."""
    keys = dict(_keys_with_values(lake_schema()))
    models = lake_schema()["definitions"]
    for kind, model in KINDS.items():
        assert set(models[model.__name__]["properties"]) == set(model.model_fields), kind
    assert [key for key, value in keys.items() if not value.get("description", "").endswith(".")] == []


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "postgres"}, {"kind": None}, {"name": "Shop"}, {"identifer": "x"}, {"identifier": "a_b"}, {"athena": "perhaps"},
        {"retention": {"daily": 0}}, {"retention": {"dayly": 1}}, {"retention": 14}, {"which": "last"}, {"max_drop": 50},
        {"snapshots": []}, {"snapshots": ["live", "weekly"]}, {"include": "shop"}, {"rename": {"a": 1}}, {"tables": ["Reviews"]},
        {"start_date": "2026-02-30"}, {"verify": {}}, {"streams": {"tables": ["shop.public.orders"], "level": "row"}},
    ],
)  # fmt: skip
def test_what_is_wrong_with_one_key_is_refused_by_both(change: dict[str, Any]) -> None:
    body = copy.deepcopy(BASE)
    body["sources"][0] |= change
    assert refused(body)
    assert problems_of(body)


def test_variables_of_the_environment_fit_wherever_a_value_does() -> None:
    body = copy.deepcopy(BASE)
    body["lake"] |= {
        "bucket": "${BUCKET}",
        "start_date": "${START:-2026-01-01}",
        "export_quota": "${QUOTA}",
        "kms_key": "alias/${K}",
    }
    body["sources"][0] |= {
        "athena": "${ATHENA:-true}",
        "publish": "${HOW}",
        "max_drop": "${DROP}",
        "retention": {"daily": "${D}"},
    }
    assert [error.message for error in VALIDATOR.iter_errors(body)] == []


def test_an_editor_shows_the_problems_of_the_sources_own_kind_only() -> None:
    body = copy.deepcopy(BASE)
    body["sources"][2] |= {"identifier": "x"}
    (error,) = VALIDATOR.iter_errors(body)
    assert "'identifier'" in error.message


def _read(body: object, key: tuple[Any, ...]) -> object:
    """What the validator made of the value at this place."""
    read: Any = parse_config(yaml.safe_dump(body), where="lake.yaml").model_dump()
    for part in key:
        read = read[part]
    return read


def _keys() -> list[tuple[Any, ...]]:
    keys: list[tuple[Any, ...]] = [("lake",), ("sources",), ("nonsense",), ("lake", "nonsense"), ("sources", 0, "kind")]
    models = lake_schema()["definitions"]
    keys += [("lake", key) for key in models["LakeSettings"]["properties"]]
    for at, kind in enumerate(KINDS):
        keys += [("sources", at, key) for key in [*models[KINDS[kind].__name__]["properties"], "nonsense"]]
    keys += [("sources", 0, "retention", "daily"), ("lake", "prices", "get_per_1000"), ("sources", 2, "tables", 0)]
    return keys


@settings(max_examples=300)
@given(key=st.sampled_from(_keys()), value=st.sampled_from(POOL), removed=st.booleans())
def test_schema_and_validator_agree_of_any_change_of_one_key_as_far_as_a_schema_can_tell(
    key: tuple[Any, ...], value: Any, removed: bool
) -> None:
    body = copy.deepcopy(BASE)
    *way, last = key
    inner: Any = body
    for part in way:
        inner = inner[part]
    if removed and isinstance(inner, dict):
        inner.pop(last, None)
    else:
        inner[last] = value
    problems = problems_of(body)
    if refused(body):
        # A value of another type that means the same is taken: "7" for 7, 1 for true.
        assert problems or type(_read(body, key)) is not type(value)
    else:
        assert not [problem for problem in problems if any(words in problem for words in _BY_ITSELF)]
