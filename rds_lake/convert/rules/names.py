"""Names of columns and fields: legal in Athena, and never the same for two attributes.

    OrderID      -> orderid
    a.b, A_b     -> a_b_6a5f0e, a_b_1c2d3e    both would be `a_b`, so both get a suffix made from their own name
    😀           -> _

An attribute that appears later never takes the column of another: if `Name` kept the column `name` until an attribute
`name` appeared, readers would see other values under the same name from one day to the next.

Names of tables are `model/tables/names.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable

from rds_lake.model.tables.names import athena_name

_LONGEST = 120  # Glue allows 255; there must be room for a suffix, and nested types are written as one text


def column_names(originals: Iterable[str]) -> dict[str, str]:
    """Returns a column name for each attribute of one level, in any order of the attributes."""
    names = {original: athena_name(original)[:_LONGEST] for original in originals}
    while len(many := Counter(names.values())) < len(names):
        names = {
            original: name if many[name] == 1 else f"{name}_{_mark(original)}"[-_LONGEST:]
            for original, name in names.items()
        }
    return names


def path_to(path: str, name: str) -> str:
    """Returns the path of an attribute below another: `customer.phone`, `customer."a.b"`."""
    shown = name if re.fullmatch(r"[\w-]+", name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{path}.{shown}" if path else shown


def _mark(original: str) -> str:
    return hashlib.sha256(original.encode("utf-8", "surrogatepass")).hexdigest()[:8]
