"""Reads `warehouses:`: the valid keys of every entry, and each entry's own problems."""

from __future__ import annotations

from dataclasses import dataclass

from rds_lake.config.reading import read_settings
from rds_lake.config.text import shown
from rds_lake.config.warehouse import WarehouseSettings
from rds_lake.config.warehouses.rules import warehouse_problems_alone


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadWarehouses:
    """The entries, and their problems. Invalid keys are missing in the settings (`reading.Read`)."""

    settings: tuple[WarehouseSettings, ...]
    problems: tuple[str, ...]


def read_warehouses(raw: object) -> ReadWarehouses:
    """Returns the entries of `warehouses:` and their problems. `raw`: the key's value."""
    if not isinstance(raw, list | tuple):
        said = (
            "is empty; add entries, or remove the key"
            if raw is None
            else f"must be a list, each entry with a leading `- `, not {shown(raw)}"
        )
        return ReadWarehouses(settings=(), problems=(f"warehouses: {said} (docs/warehouse.md describes them)",))
    read = [
        read_settings(WarehouseSettings, entry, f"warehouses.{at}", what="keys, such as `name: warehouse`")
        for at, entry in enumerate(raw)
    ]
    problems: list[str] = []
    for at, entry in enumerate(read):
        alone = warehouse_problems_alone(entry.settings) if entry.settings else []
        problems += [*entry.problems, *(f"warehouses.{at}: {problem}" for problem in alone)]
    return ReadWarehouses(
        settings=tuple(entry.settings for entry in read if entry.settings is not None), problems=tuple(problems)
    )
