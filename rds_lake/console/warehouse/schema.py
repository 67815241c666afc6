"""`rds-lake warehouse schema`: the JSON schema of inputs, which is also in `docs/warehouse-input.schema.json`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from rds_lake.files import write_whole
from rds_lake.model.warehouse.input import input_schema


def schema_text() -> str:
    """Returns the schema as text with a final newline."""
    return json.dumps(input_schema(), indent=2) + "\n"


def schema(*, out: Path | None, show: Callable[[str], object]) -> None:
    """Print it, or write it to a file."""
    if out is None:
        show(schema_text().rstrip("\n"))
    else:
        write_whole(out, schema_text())
        show(f"{out} written")
