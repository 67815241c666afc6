"""The page of all assets, checks, sensors and schedules, made from the definitions that lakes of different settings have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.build import build_definitions
from rds_lake.model.tables.table import TableTarget
from rds_lake_tests.infra.policy.lakes import ACCOUNT, SECRET, TOPIC, aurora, dynamodb, lake, rds, warehouses

_ABOUT = """What a lake defines in Dagster; made from its definitions when the site is built. `<source>` is the name of a source
in lake.yaml, `<table>` of one of its views. [What is checked](../checks.md) says what becomes of a table that changes, and
[every alert](../operations.md) what to do about a check that failed.
"""
_STREAMS = {"tables": ["shop.public.orders"], "secret": SECRET}
_ROLE = {"glue_role": f"arn:aws:iam::{ACCOUNT}:role/rds-lake-convert"}
_EVERY = "every source"
# What the lakes above call their things, and what the page does.
_NAMES = {
    r"\bshop\.public\.orders\b|`reviews`(?= as)": "<table>",
    r"\breviews\.reviews\b": "<source>.<table>",
    r"\b(shop|reviews)-prod\b": "<identifier>",
    r"\b(shop|reviews)\b": "<source>",
    r"\b(nightly|adhoc)\b": "<warehouse>",
    r"\brds-lake-events\b": "<events_queue>",
    r"(?<=under )s3://\S*": "<to>",
}


def shop(**keys: Any) -> dict[str, Any]:
    """A source whose tables keep their names."""
    return rds(default_schema="shop.public", **keys)


def lakes() -> Mapping[str, LakeConfig]:
    """A lake for each setting that brings something of its own to Dagster, by the words for the setting; plain ones first."""
    return {
        "databases": lake(shop(), **TOPIC),
        "DynamoDB": lake(dynamodb(), **TOPIC),
        "`converter: glue`": lake(dynamodb(converter="glue"), **TOPIC, **_ROLE),
        "`snapshots: [live]`": lake(aurora("shop", default_schema="shop.public", snapshots=["live"]), **TOPIC),
        "`athena: false`": lake(shop(athena=False), **TOPIC),
        "`table_assets: false`": lake(shop(table_assets=False), **TOPIC),
        "`verify:`": lake(shop(verify={"secret": SECRET}), **TOPIC),
        "`publish: manual`": lake(shop(publish="manual"), **TOPIC),
        "`changes:`": lake(shop(changes={}), **TOPIC),
        "`diff_views:`": lake(shop(diff_views=["orders"]), **TOPIC),
        "`retention:`": lake(shop(retention={"daily": 14}), **TOPIC),
        "`report:`": lake(shop(), report={}, **TOPIC),
        "`streams:`": lake(shop(streams=_STREAMS), **TOPIC),
        "`warehouses:`": warehouses(),
    }


@dataclass(slots=True)
class Shown:
    """A row of the page: what it says, and the settings under which it is there."""

    cells: tuple[str, ...]
    where: list[str] = field(default_factory=list)

    def words(self) -> str:
        """The plain settings are enough where it is there under them."""
        plain = [name for name in ("databases", "DynamoDB") if name in self.where]
        return _EVERY if len(plain) == 2 else ", ".join(plain or self.where)


def definitions() -> Mapping[str, dg.Definitions]:
    """The definitions of each of `lakes`."""
    known = {"shop": [TableTarget(database="shop", schema="public", table="orders")]}
    known |= {"reviews": [TableTarget(database="", schema="", table="reviews")]}
    return {words: build_definitions(config, known_tables=known) for words, config in lakes().items()}


def assets_page() -> str:
    """The page as Markdown."""
    every = definitions()
    parts = [f"# Assets and checks\n\n{_ABOUT}"]
    parts.append(_table("Assets", ("asset", "what it is"), _gathered(every, assets_of)))
    parts.append(_table("Checks", ("asset", "check", "blocking", "passes where"), _gathered(every, checks_of)))
    parts.append(_table("Sensors", ("sensor", "what it does"), _gathered(every, sensors_of)))
    parts.append(_table("Schedules", ("schedule", "cron, UTC", "what it does"), _gathered(every, schedules_of)))
    return "\n".join(parts)


def assets_of(definitions: dg.Definitions) -> Iterator[tuple[str, ...]]:
    """Key and description of every asset."""
    for spec in sorted(definitions.resolve_all_asset_specs(), key=lambda spec: list(spec.key.path)):
        yield f"`{_general(spec.key.path)}`", _words(spec.description or "")


def checks_of(definitions: dg.Definitions) -> Iterator[tuple[str, ...]]:
    """Asset, name, whether it blocks, and what it says of each check."""
    graph = definitions.get_repository_def().asset_graph
    for key in sorted(graph.asset_check_keys, key=lambda key: (list(key.asset_key.path), key.name)):
        spec = graph.get_check_spec(key)
        yield (
            f"`{_general(key.asset_key.path)}`",
            f"`{key.name}`",
            "yes" if spec.blocking else "no",
            _words(spec.description or ""),
        )


def sensors_of(definitions: dg.Definitions) -> Iterator[tuple[str, ...]]:
    """Name and description of every sensor."""
    for sensor in definitions.sensors or ():
        yield f"`{_general([sensor.name])}`", _words(getattr(sensor, "description", None) or "")


def schedules_of(definitions: dg.Definitions) -> Iterator[tuple[str, ...]]:
    """Name, cron and description of every schedule."""
    for schedule in definitions.schedules or ():
        shown: Any = schedule
        yield f"`{_general([shown.name])}`", f"`{shown.cron_schedule}`", _words(shown.description or "")


def _gathered(every: Mapping[str, dg.Definitions], rows_of: Any) -> list[Shown]:
    found: dict[tuple[str, ...], Shown] = {}
    for words, made in every.items():
        for cells in dict.fromkeys(rows_of(made)):
            found.setdefault(cells, Shown(cells)).where.append(words)
    return list(found.values())


def _general(path: Sequence[str]) -> str:
    """`shop/orders` as `<source>/<table>`."""
    owners: dict[str, str] = {"shop": "source", "reviews": "source", "nightly": "warehouse", "adhoc": "warehouse"}
    own = {"source": {"orders": "table", "reviews": "table"}}
    own["warehouse"] = {"reviews": "load", "offers": "load", "result": "result"}
    head, double, tail = path[0].partition("__")
    owner = owners.get(head, "")
    rest = [f"<{own[owner][name]}>" if name in own.get(owner, {}) else name for name in path[1:]]
    return "/".join([(f"<{owner}>" if owner else head) + double + tail, *rest])


def _words(text: str) -> str:
    """A description without the names of these lakes."""
    for pattern, name in _NAMES.items():
        text = re.sub(pattern, f"`{name}`", text)
    return re.sub(r"\bcsv (?=files?\b)", "", text).replace("``", "`")


def _table(title: str, heads: tuple[str, ...], rows: list[Shown]) -> str:
    lines = [f"## {title}", "", f"| {' | '.join(heads)} | there with |", "|---" * (len(heads) + 1) + "|"]
    for row in rows:
        cells = [" ".join(cell.replace("|", "\\|").split()) for cell in row.cells]
        lines.append(f"| {' | '.join(cells)} | {row.words()} |")
    return "\n".join([*lines, ""])
