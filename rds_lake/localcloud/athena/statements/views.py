"""Views as Athena stores them in Glue: a VIRTUAL_VIEW whose text is base64 of Presto's JSON.

(https://docs.aws.amazon.com/athena/latest/ug/views.html; the JSON as decoded from views of real accounts)

What belongs here: the form of a view. `dispatch.py` creates views, `athena/engine.py` reads them.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rds_lake.localcloud.athena.errors import QueryFailedError
from rds_lake.localcloud.athena.sql.types import trino_to_hive

_TEXT = re.compile(r"/\* Presto View: (\S+) \*/")


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewDefinition:
    """A view's SQL, the database its bare names are in, and its columns as (name, Trino type)."""

    sql: str
    schema: str
    columns: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, entry: dict[str, Any]) -> ViewDefinition:
        """Returns the view of Glue's entry. INVALID_VIEW if Athena could not have written it."""
        match = _TEXT.fullmatch(entry.get("ViewOriginalText", "").strip())
        try:
            decoded = json.loads(base64.b64decode(match[1] if match else "", validate=True))
            columns = tuple((column["name"], column["type"]) for column in decoded["columns"])
            return cls(
                sql=decoded["originalSql"], schema=decoded.get("schema") or entry["DatabaseName"], columns=columns
            )
        except (binascii.Error, ValueError, KeyError, TypeError) as error:
            name = f"{entry['DatabaseName']}.{entry['Name']}"
            raise QueryFailedError("INVALID_VIEW", f"Invalid view JSON: '{name}'") from error

    def stale_because(self, columns: Sequence[tuple[str, str]]) -> str | None:
        """Returns why the view is stale: what changed since it was created; None if it is not."""
        now = [(name.lower(), _plain(kind)) for name, kind in columns]
        then = [(name.lower(), _plain(kind)) for name, kind in self.columns]
        if len(now) != len(then):
            return (
                f"stored view column count ({len(then)}) does not match column count derived from the view ({len(now)})"
            )
        for (name, kind), (old_name, old_kind) in zip(now, then, strict=True):
            if name != old_name:
                return f"column [{name}] of type {kind} projected from query view is stored as [{old_name}]"
            if kind != old_kind:
                return f"column [{name}] of type {kind} projected from query view cannot be coerced to column of type {old_kind}"
        return None


def is_view(entry: dict[str, Any]) -> bool:
    """Whether Glue's entry is a view."""
    return entry.get("TableType") == "VIRTUAL_VIEW"


def view_input(name: str, definition: ViewDefinition) -> dict[str, Any]:
    """Returns Glue's TableInput of a view. ValueError if a column's type has no Hive form."""
    body = {
        "originalSql": definition.sql,
        "catalog": "awsdatacatalog",
        "schema": definition.schema,
        "columns": [{"name": column, "type": kind} for column, kind in definition.columns],
    }
    encoded = base64.b64encode(json.dumps(body).encode()).decode()
    return {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "ViewOriginalText": f"/* Presto View: {encoded} */",
        "ViewExpandedText": "/* Presto View */",
        "StorageDescriptor": {
            "Columns": [{"Name": column, "Type": trino_to_hive(kind)} for column, kind in definition.columns],
            "Location": "",
            "SerdeInfo": {},
        },
    }


def stale(schema: str, name: str, why: str) -> QueryFailedError:
    """Returns the error of a view whose tables have changed."""
    return QueryFailedError(
        "VIEW_IS_STALE",
        f"line 1:15: View 'awsdatacatalog.{schema}.{name}' is stale or in invalid state: {why.splitlines()[0]}",
    )


def _plain(kind: str) -> str:
    """Returns a type without lengths of varchar and digits of timestamps, which this engine does not keep."""
    return re.sub(r"\b(varchar|timestamp)\(\d+\)", r"\1", kind.replace(" ", "").lower())
