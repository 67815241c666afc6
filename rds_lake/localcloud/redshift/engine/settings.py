"""SET of a session: known settings are stored; settings that would change a result and are not supported are refused.

(https://docs.aws.amazon.com/redshift/latest/dg/cm_chap_ConfigurationRef.html)
"""

from __future__ import annotations

import re

from rds_lake.localcloud.redshift.engine.tables import Tables
from rds_lake.localcloud.redshift.errors import not_here

_SET = re.compile(
    r"set\s+(session\s+|local\s+)?(?P<name>[\w.]+)\s*(=|\sto\s)\s*(?P<value>.+?)\s*;?", re.IGNORECASE | re.DOTALL
)
# Settings that do not change a result here.
_HARMLESS = ("query_group", "statement_timeout", "enable_result_cache_for_session", "analyze_threshold_percent")


class Settings:
    """The settings of one session."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.query_group = "default"

    def set(self, text: str) -> None:
        """https://docs.aws.amazon.com/redshift/latest/dg/r_SET.html"""
        match = _SET.fullmatch(text.strip())
        name = match["name"].lower() if match else ""
        if match and name == "search_path":
            self._tables.search_path = tuple(part.strip(" '\"").lower() for part in match["value"].split(","))
        elif match and name in _HARMLESS:
            self.query_group = match["value"].strip("'") if name == "query_group" else self.query_group
        else:
            raise not_here(f"SET {name or text} is not supported")


def is_set(sql: str) -> bool:
    return _SET.match(sql.strip()) is not None
