"""The schema by which `dg check yaml` and editors check a `defs.yaml` says of each key what lake.yaml's reader says."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from rds_lake.defs.components.lake import LakeComponent
from rds_lake.defs.components.source import SourceComponent
from rds_lake_tests.defs.test_load import VARIED


@cache
def validator(component: Any) -> Draft202012Validator:
    """Of the schema that `dg` asks a component for; made once, as that takes most of a second."""
    schema = component.get_model_cls().model_json_schema()
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def found(component: Any, attributes: dict[str, Any]) -> list[tuple[str, str]]:
    """Path and message of every problem, as `dg` asks for them."""
    errors = validator(component).iter_errors(attributes)
    return [(".".join(str(part) for part in error.absolute_path), error.message) for error in errors]


def plain(text: str) -> dict[str, Any]:
    """YAML's values as Dagster reads them, which leaves dates as text."""

    def tidy(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: tidy(below) for key, below in value.items()}
        if isinstance(value, list):
            return [tidy(below) for below in value]
        return value if isinstance(value, int | float | bool | None) else str(value)

    return tidy(yaml.safe_load(text))


@pytest.mark.parametrize(
    "text", [VARIED, "lake.yaml", "rds_lake/demo/project/lake.yaml"], ids=["varied", "own", "demo"]
)
def test_every_lake_yaml_passes(root: Path, text: str) -> None:
    body = plain(text if "\n" in text else root.joinpath(text).read_text(encoding="utf-8"))
    assert found(LakeComponent, body) == []
    for source in body["sources"]:
        assert found(SourceComponent, source) == []


SHOP = {"name": "shop", "kind": "rds", "identifier": "shop-prod"}


@pytest.mark.parametrize(
    ("wrong", "path", "message"),
    [
        ({"retention": {"daily": 0}}, "retention.daily", "0 is less than the minimum of 1"),
        ({"retention": {"wekly": 1}}, "retention", "'wekly' was unexpected"),
        ({"retension": {}}, "", "'retension' was unexpected"),
        ({"max_drop": {"orders": 2}}, "max_drop.orders", "2 is greater than the maximum of 1"),
        ({"max_drop": 7}, "max_drop", "7 is greater than the maximum of 1"),
        ({"snapshots": ["automated", "auto"]}, "snapshots.1", "'auto' is not one of"),
        ({"athena": "perhaps"}, "athena", "'perhaps' is not of type 'boolean'"),
        ({"freshness_hours": -1}, "freshness_hours", "-1 is less than the minimum of 0"),
        ({"kind": "rdss"}, "kind", "'rdss' is not one of ['rds', 'aurora', 'dynamodb']"),
        ({"kind": "dynamodb", "tables": ["Reviews"]}, "", "'identifier' was unexpected"),
        ({"verify": {"secret": "s", "tolerance": 3}}, "verify.tolerance", "3 is greater than the maximum of 1"),
        ({"streams": {"tables": 3}}, "streams.tables", "3 is not of type 'array'"),
    ],
)
@pytest.mark.parametrize("whole", [False, True], ids=["a file of its own", "below sources"])
def test_what_is_wrong_is_said_of_the_very_key(wrong: dict[str, Any], path: str, message: str, whole: bool) -> None:
    source = SHOP | wrong
    lake = {"bucket": "acme-lake", "start_date": "2026-01-01", "events_queue": "events", "workgroup": "lake"}
    problems = found(LakeComponent, {"lake": lake, "sources": [source]}) if whole else found(SourceComponent, source)
    at = ".".join(filter(None, ("sources.0", path))) if whole else path
    (problem,) = problems
    assert problem[0] == at
    assert message in problem[1]


@pytest.mark.parametrize("key", ["identifier", "freshness_hours", "athena", "publish", "max_drop", "engine"])
def test_a_value_that_is_filled_in_later_may_be_anything(key: str) -> None:
    assert found(SourceComponent, SHOP | {key: "{{ env.VALUE }}"}) == []


def test_the_state_is_dagsters_own() -> None:
    lake = {"lake": {"bucket": "b", "start_date": "2026-01-01", "events_queue": "e", "workgroup": "w"}}
    state = {"management_type": "SOMEWHERE"}
    (problem,) = [one for one in found(LakeComponent, lake | {"defs_state": state}) if "defs_state" in one[0]]
    assert problem[0] == "defs_state.management_type"
