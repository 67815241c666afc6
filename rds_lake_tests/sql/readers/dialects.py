"""The dialect by which sqlglot reads each engine's DDL."""

from collections.abc import Mapping

from rds_lake.sql.readers.render import BY_FILES

DIALECTS: Mapping[str, str] = {
    **{name: engine.dialect for name, engine in BY_FILES.items()},
    "redshift-spectrum": "redshift",
    "trino": "trino",
}
