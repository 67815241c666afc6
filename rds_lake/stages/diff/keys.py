"""The key columns by which the rows of two dates of a table are joined.

An export names no primary keys (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ExportSnapshot.html), so they are
given on the command line or as `keys:` in lake.yaml. DynamoDB describes its tables' keys.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

from rds_lake.aws.dynamodb import DynamoGateway
from rds_lake.config.dynamodb import DynamoDb
from rds_lake.config.source import SourceSettings
from rds_lake.errors import DiffError
from rds_lake.stages.catalogue.naming import TypedTable


def key_columns(
    source: SourceSettings, table: TypedTable, asked: Sequence[str], *, known_key: Callable[[str], Sequence[str]]
) -> tuple[str, ...]:
    """Returns the key's columns by their names in the view; empty if no key is known. A union's member column belongs to the key.

    Columns may be named as in the view or as in the database. Raises DiffError with unknown names.
    """
    view, target = table.names.view, table.names.target
    named = tuple(asked) or source.keys.get(str(target)) or source.keys.get(view) or ()
    if not named and isinstance(source, DynamoDb):
        named = tuple(known_key(target.table))
    if not named:
        return ()
    aliases = {column.alias: column.alias for column in table.columns}
    by_name = {column.name: column.alias for column in table.columns} | aliases
    by_folded = {column.name.lower(): column.alias for column in table.columns} | by_name
    wrong = [name for name in named if name not in by_folded and name.lower() not in by_folded]
    if wrong:
        raise DiffError(
            f"{source.name}.{view} has no key column {', '.join(wrong)}; its columns are {', '.join(aliases)}"
        )
    keys = dict.fromkeys(by_name.get(name) or by_folded.get(name) or by_folded[name.lower()] for name in named)
    member = table.names.member_key
    return (*((member,) if member is not None else ()), *keys)


def keys_of_dynamodb(dynamodb: DynamoGateway) -> Callable[[str], Sequence[str]]:
    """Returns a function from a table's name to its key columns in DynamoDB; none if it no longer exists. Results are cached."""

    @cache
    def known_key(table: str) -> Sequence[str]:
        described = dynamodb.find_table(table)
        return () if described is None else described.keys

    return known_key
