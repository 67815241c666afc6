"""lake.yaml of a new project, with comments."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rds_lake.config.shared import Retention
from rds_lake.console.project.discover import Found, FoundServer, FoundTable
from rds_lake.console.project.schema import MODELINE
from rds_lake.infra.account import Account
from rds_lake.model.aws.engine import Engine
from rds_lake.model.tables.names import free_names, rename_line
from rds_lake.model.tables.table import dynamodb_table

_DYNAMODB = "dynamodb"
_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_WORDS = {"true", "false", "null", "yes", "no", "on", "off", "y", "n"}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLake:
    """The new lake. `name`: the beginning of the names of the objects that `rds-lake setup` creates."""

    name: str
    account: Account
    bucket: str
    start_date: date
    chosen: Sequence[Found]
    retention: Retention


def lake_text(lake: NewLake, schema_file: str) -> str:
    """Returns the file; sources that cannot be exported yet have a comment with the reason."""
    account = lake.account
    lines = [
        MODELINE.format(f"./{schema_file}"),
        "# All keys and their meaning: docs/configuration.md of rds-lake, or your editor, which uses the line above.",
        "# Check this file with `rds-lake validate`; create what it names in AWS with `rds-lake setup`.",
        "lake:",
        f"  bucket: {lake.bucket}    # Parquet, manifests and Athena's results",
        f"  region: {account.region}",
        f"  export_role: arn:{account.partition}:iam::{account.number}:role/{lake.name}-export",
        f"  kms_key: alias/{lake.name}    # encrypts the exports, and what rds-lake writes",
        f"  events_queue: {lake.name}-events    # snapshots and exports are reported here",
        f"  notifications: arn:{account.partition}:sns:{account.region}:{account.number}:{lake.name}-alerts    # failures",
        f"  workgroup: {lake.name}",
        f"  start_date: {lake.start_date}    # the first date (UTC) that is exported",
        "",
        "sources:",
    ]
    names = set[str]()
    for item in lake.chosen:
        if isinstance(item, FoundServer):
            lines += [*_server(item, _source_name(item.identifier, names)), *_retention(lake.retention), ""]
    if tables := [item for item in lake.chosen if isinstance(item, FoundTable)]:
        lines += [*_tables(tables, _source_name(_DYNAMODB, names)), *_retention(lake.retention), ""]
    return "\n".join(lines).rstrip("\n") + "\n"


def _server(item: FoundServer, name: str) -> list[str]:
    server = item.server
    size = "" if server.size_gb is None else f", {server.size_gb} GB allocated"
    backups = f"automated backups, kept {server.backup_days} d" if server.backup_days else "automated backups are OFF"
    engine = "mariadb" if server.engine == "mariadb" else str(server.family)
    lines = [
        f"  # {server.engine} {server.version}{size}; {backups}",
        f"  - name: {_word(name)}",
        f"    kind: {server.kind}",
        f"    identifier: {_word(server.identifier)}",
        f"    engine: {engine}",
        "    snapshots: [automated]"
        if server.backup_days
        else "    snapshots: [manual]    # until automated backups are on",
    ]
    if server.family is Engine.POSTGRES:
        return [
            *lines,
            "    # default_schema: DATABASE.public    # its tables keep their names in Athena, others get a prefix",
        ]
    return [
        *lines,
        "    # default_schema: DATABASE.DATABASE    # its tables keep their names in Athena, others get a prefix",
    ]


def _tables(tables: Sequence[FoundTable], name: str) -> list[str]:
    lines = [f"  - name: {name}", "    kind: dynamodb", "    tables:"]
    for table in tables:
        off = "    # point-in-time recovery is OFF: turn it on, or remove the line" if table.recovers is False else ""
        lines.append(f"      - {_word(table.name)}{off}")
    if renamed := free_names(dynamodb_table(table.name) for table in tables):
        lines.append(f"    {rename_line(renamed)}    # else two of them would have one name in Athena")
    return [*lines, '    export_at: "00:00"    # UTC: all tables as of this instant of every date']


def _retention(retention: Retention) -> list[str]:
    kept = f"{{daily: {retention.daily}, weekly: {retention.weekly}, monthly: {retention.monthly}}}"
    return [f"    retention: {kept}    # older dates are removed; without this line none is"]


def _source_name(identifier: str, taken: set[str]) -> str:
    """Returns a valid name for Athena: unique, and unchanged if another source is added after it."""
    name = re.sub(r"[^a-z0-9_]", "_", identifier.lower())[:60]
    name = name if name[:1].isalpha() else f"s_{name}"[:60]
    number, free = 2, name
    while free in taken:
        free, number = f"{name}_{number}", number + 1
    taken.add(free)
    return free


def _word(text: str) -> str:
    """Returns a name as YAML text: `on` and `1.0` need quotes."""
    return text if _PLAIN.fullmatch(text) and text.lower() not in _WORDS else json.dumps(text)
