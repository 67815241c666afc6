"""Names of columns and fields: legal in Athena, and never the same for two attributes.

    OrderID      -> orderid
    a.b, A_b     -> a_b_6a5f0e, a_b_1c2d3e    both would be `a_b`, so both get a suffix made from their own name
    😀           -> _

A name that an earlier date gave stays: if `status` lost its column when the first item with a `Status` appeared, every query of it
would find nothing from one day to the next. The attribute that appears later gets the suffix, so it never takes the column of another.

Names of tables are `model/tables/names.py`.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from rds_lake.model.tables.names import athena_name

_LONGEST = 120  # Glue allows 255; there must be room for a suffix, and nested types are written as one text


def column_names(originals: Iterable[str], kept: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    """Returns a column name for each attribute of one level, in any order of the attributes. `kept`: names of earlier dates.

    Two dates that were first, at once, may have given one name to two attributes: neither keeps it.
    """
    of_kept = Counter(kept.values())
    fixed = {original: name for original, name in kept.items() if of_kept[name] == 1}
    plain = {original: athena_name(original)[:_LONGEST] for original in originals}
    # A name that several attributes would have goes to none that is new, even where no column has it any more.
    many = Counter(plain.values())
    names = {
        original: fixed.get(original) or (name if many[name] == 1 else _marked(name, original))
        for original, name in plain.items()
    }
    while len(many := Counter(names.values())) < len(names):
        names = {
            original: name if many[name] == 1 or original in fixed else _marked(name, original)
            for original, name in names.items()
        }
    return names


def path_to(path: str, name: str) -> str:
    """Returns the path of an attribute below another: `customer.phone`, `customer."a.b"`."""
    shown = name if re.fullmatch(r"[\w-]+", name) else '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{path}.{shown}" if path else shown


def _marked(name: str, original: str) -> str:
    mark = hashlib.sha256(original.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{name}_{mark}"[-_LONGEST:]
