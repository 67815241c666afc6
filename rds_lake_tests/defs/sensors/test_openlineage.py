"""OpenLineage's events of a date, as the sensor of dagster-openlineage emits them."""

import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from rds_lake_tests.defs.shell import Shell

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("dagster_openlineage") is None,
        reason="dagster-openlineage is not installed: pip install 'rds-lake[lineage]'",
    ),
    # Release 0.2.1 asks for events in a way that Dagster will drop in 2.0.
    pytest.mark.filterwarnings("ignore:.*get_event_records"),
]


@pytest.fixture
def events(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that the sensor, which is added to the lake's definitions, writes its events to, a line each."""
    file = tmp_path / "events.jsonl"
    transport = {"TYPE": "file", "LOG_FILE_PATH": str(file), "APPEND": "true"}
    for name, value in transport.items():
        monkeypatch.setenv(f"OPENLINEAGE__TRANSPORT__{name}", value)
    monkeypatch.setenv("OPENLINEAGE_NAMESPACE", "acme")
    # It reads the environment when it is imported, which another test may have done by now.
    for name in [name for name in sys.modules if name.partition(".")[0] in ("dagster_openlineage", "openlineage")]:
        monkeypatch.delitem(sys.modules, name)
    package: Any = importlib.import_module("dagster_openlineage")
    sensor = package.openlineage_sensor(include_asset_events=True, record_filter_limit=1000)
    shell.definitions = dg.Definitions.merge(shell.definitions, dg.Definitions(sensors=[sensor]))
    shell.repository = shell.definitions.get_repository_def()
    return file


def test_a_published_date_is_one_complete_event_for_each_asset_with_columns_and_where_they_come_from(
    shell: Shell, events: Path
) -> None:
    shell.world.snapshot("2026-11-20", event=False)
    result = shell.materialize("2026-11-20")
    assert result.success
    shell.tick("openlineage_sensor")
    text = events.read_text()
    shell.tick("openlineage_sensor")
    assert events.read_text() == text, "what was told once is not told again"
    said = [json.loads(line) for line in text.splitlines()]
    assert {event["job"]["namespace"] for event in said} == {"acme"}
    complete = [event for event in said if event["eventType"] == "COMPLETE" and event["outputs"]]
    made = [event.asset_key for event in result.get_asset_materialization_events() if event.asset_key]
    expected = sorted(("/".join(key.path), "/".join(key.path)) for key in made)
    assert sorted((event["job"]["name"], event["outputs"][0]["name"]) for event in complete) == expected
    days = {event["run"]["facets"]["nominalTime"]["nominalStartTime"][:10] for event in complete}
    assert days == {"2026-11-20"}
    (orders,) = [event["outputs"][0]["facets"] for event in complete if event["job"]["name"] == "shop/orders"]
    assert {"name": "total", "type": "decimal(24,12)", "description": "numeric", "fields": []} in orders["schema"][
        "fields"
    ]
    (origin,) = orders["columnLineage"]["fields"]["total"]["inputFields"]
    assert (origin["name"], origin["field"]) == ("shop/catalog", "snapshots_orders.total")
