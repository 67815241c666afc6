"""The output of `rds-lake init`: the account's databases and tables as a numbered list, and a month's cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rds_lake.console.project.discover import Found, FoundServer
from rds_lake.console.project.estimate import Month, MonthPrices
from rds_lake.model.words import counted

_WIDEST = 40  # a longer name widens only its own line: names in DynamoDB have up to 255 characters
_KINDS = {"rds": "instance", "aurora": "cluster", "dynamodb": "table"}


def listing(items: Sequence[Found]) -> Iterator[str]:
    """Returns a line for each, with its number, in columns."""
    rows = [
        (str(number), _KINDS[item.kind], item.identifier, _engine(item), _size(item.gb), item.obstacle or _ready(item))
        for number, item in enumerate(items, start=1)
    ]
    widths = [max(min(len(row[column]), _WIDEST) for row in rows) for column in range(5)] if rows else []
    for row in rows:
        cells = [
            text.rjust(width) if column in (0, 4) else text.ljust(width)
            for column, (text, width) in enumerate(zip(row[:5], widths, strict=True))
        ]
        yield f"  {'  '.join(cells)}  {row[5]}"


def month_lines(month: Month, p: MonthPrices) -> Iterator[str]:
    """Returns the sum with its parts, and the assumptions."""
    rows = (
        ("exports", month.exports, f"{p.export_per_gb_snapshot:g} a GB of snapshot, {p.export_per_gb_dynamodb:g} of DynamoDB"),
        ("S3", month.storage, f"{p.storage_per_gb_month:g} a GB and month; Parquet is assumed to be {p.parquet_part:.0%} of the size"),
        ("Athena", month.checks, f"{p.athena_per_tb:g} a TB; the checks read each date once, your own queries are extra"),
        ("KMS", month.key, "a key of the lake's own"),
    )  # fmt: skip
    yield f"\na month will cost about {month.total:,.2f} USD, with one export a day and {counted(month.dates, 'date')} kept:"
    for what, usd, why in rows:
        yield f"  {what:<8}{usd:>12,.2f}  {why}"
    yield "  prices of us-east-1 in 2025, sizes as allocated; give better values with --price KEY=USD and --size NAME=GB"
    if month.unknown:
        yield f"  not included, since AWS does not report their size: {', '.join(month.unknown)}"


def _engine(item: Found) -> str:
    return f"{item.server.engine} {item.server.version}".strip() if isinstance(item, FoundServer) else "dynamodb"


def _size(gb: float | None) -> str:
    return "? GB" if gb is None else f"{gb:,.0f} GB" if gb >= 10 or gb == 0 else f"{gb:,.2g} GB"


def _ready(item: Found) -> str:
    if isinstance(item, FoundServer):
        days = item.server.backup_days
        return f"can be exported; backups of {counted(days, 'day')}"
    return "can be exported" if item.recovers else "perhaps: point-in-time recovery is not known"
