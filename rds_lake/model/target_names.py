"""Parses `db.schema.table`, AWS's name of an exported table; databases, schemas and tables may have dots.

    MyDb_1.0.0.MyDb_1.0.0.t        MySQL: the database is written twice
    acme.crm.public.t              PostgreSQL: S3 has the folder `acme.crm/public.t`
    shop.a.b.t                     the schema `a.b` where lake.yaml's `default_schema` is `shop.a.b`, else the table `b.t`

The text alone is ambiguous. The folders in S3 show the database's name; only MySQL's rule and lake.yaml show where the schema
ends. The name in Athena is the same in any case.

What belongs here: parsing these names. AWS's files are parsed in `exports/info.py`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from rds_lake.model.tables.table import TableTarget


def written_name(text: str) -> str:
    r"""Returns a name as AWS writes it in S3 keys: `\`, backtick, `"` and space become `_`, character by character."""
    return re.sub(r'[\\`" ]', "_", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """Parses the targets of one export. `databases`: known names, the longest first, as AWS writes them in keys."""

    databases_of: dict[str, str]
    databases: tuple[str, ...]
    default_schema: str | None

    @classmethod
    def of(cls, targets: Iterable[str], *, folders: Collection[str] = (), default_schema: str | None = None) -> Targets:
        """Returns the names known from the export's folders (`database/schema.table`), its targets without a table, and lake.yaml."""
        databases_of: dict[str, str] = {}
        for folder in sorted(folders):
            database, _, rest = folder.partition("/")
            databases_of.setdefault(f"{database}.{rest}", database)
        known = {*databases_of.values(), *(written_name(text) for text in targets if text.count(".") < 2)}
        return cls(
            databases_of=databases_of,
            databases=tuple(sorted(known, key=lambda name: (-len(name), name))),
            default_schema=default_schema,
        )

    def read(self, text: str) -> TableTarget | None:
        """Returns the table that the text names; None for the name of a whole database."""
        for length in self._database_lengths(text):
            database, rest = text[:length], text[length + 1 :]
            schema = self._schema(database, rest)
            table = rest[len(schema) + 1 :]
            if database and schema and table:
                return TableTarget(database=database, schema=schema, table=table)
        return None

    def _database_lengths(self, text: str) -> Iterable[int]:
        """Yields possible lengths of the database's name, the most certain first."""
        written = written_name(text)
        if written in self.databases_of:
            yield len(self.databases_of[written])
        for database in self.databases:
            if written.startswith(f"{database}."):
                yield len(database)
        for match in re.finditer(r"\.", text):
            if text.startswith(f"{text[: match.start()]}.", match.end()):
                yield match.start()
        yield text.find(".") if "." in text else 0

    def _schema(self, database: str, rest: str) -> str:
        for schema in (database, self._default_of(database)):
            if schema and rest.startswith(f"{schema}."):
                return schema
        return rest.partition(".")[0]

    def _default_of(self, database: str) -> str:
        whole = self.default_schema or ""
        return whole[len(database) + 1 :] if whole.startswith(f"{database}.") else ""
