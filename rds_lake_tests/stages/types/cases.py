"""Types on their way from a database to Athena: cases as a table, and one published snapshot that holds them all.

What belongs here: what the modules of both engines share. The cases themselves are in those modules, and in
`docs/types.md`, which is compared with them.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from io import BytesIO
from typing import Any, Literal

import pyarrow.parquet as pq

from rds_lake_tests.support.world import World

DAY = "2026-11-20"


@dataclass(frozen=True, slots=True)
class Value:
    """One literal of the database, and what Athena shows (None: NULL).

    kept: the same value. counted: not the same, and the check `values_keep_their_type` says so. silent: not the same,
    and nothing says so but the documents.
    """

    literal: str
    shown: str | None
    fate: Literal["kept", "counted", "silent"] = "kept"


@dataclass(frozen=True, slots=True)
class Case:
    """A type: its Parquet form, its type in the view, what a view does not keep, and values."""

    kind: str
    parquet: str
    view: str
    values: list[Value]
    lost: str = ""

    @property
    def row(self) -> str:
        """The case's line in docs/types.md."""
        return f"| `{self.kind}` | {self.parquet} | {self.view} | {self.lost} |"


@dataclass(slots=True)
class PublishedTypes:
    """What Athena and the files say of table `types`, whose column c<number> is the case of that number."""

    shown: list[list[str | None]] = field(default_factory=list)
    parquet: list[str] = field(default_factory=list)
    views: dict[str, list[str]] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)


def kept(*pairs: tuple[str, str | None]) -> list[Value]:
    return [Value(literal, shown) for literal, shown in pairs]


def counted(*literals: str) -> list[Value]:
    return [Value(literal, None, "counted") for literal in literals]


def silent(*pairs: tuple[str, str | None]) -> list[Value]:
    return [Value(literal, shown, "silent") for literal, shown in pairs]


NULL = kept(("NULL", None))


def rows_of(cases: list[Case], *, pad: dict[str, str]) -> list[list[str]]:
    """Rows of literals, first the row's number; columns with fewer values are filled with NULL, or what `pad` has."""
    longest = max(len(case.values) for case in cases)
    return [
        [
            str(row),
            *(case.values[row].literal if row < len(case.values) else pad.get(case.kind, "NULL") for case in cases),
        ]
        for row in range(longest)
    ]


def publish(world: World, cases: list[Case]) -> PublishedTypes:
    """Snapshot, export, relocate, catalogue, publish; then everything about the tables `types` and `nothing`."""
    world.snapshot(DAY)
    run, day = world.run(), date.fromisoformat(DAY)
    run.accept(day, poll_seconds=0.05)
    run.relocate(day)
    quality = run.shared.catalogue(day).quality
    run.shared.publish(day, now=datetime.now(UTC))
    (key,) = [key for key in world.keys("lake/") if ".types/" in key]
    body = world.clients.client("s3").get_object(Bucket="acme-lake", Key=key)["Body"].read()
    return look(world.query, body, quality, cases)


def look(
    query: Callable[[str], Iterable[tuple[str | None, ...]]], file: bytes, quality: Iterable[Any], cases: list[Case]
) -> PublishedTypes:
    """What Athena, a Parquet file of `types` and the counted losses say of a published date."""
    found = PublishedTypes()
    found.lost = {column: lost for table in quality if table.table.endswith(".types") for column, lost in table.lost}
    columns = ", ".join(f"c{number}" for number in range(len(cases)))
    rows = query(f"SELECT {columns} FROM types ORDER BY n")
    found.shown = [list(values) for values in zip(*rows, strict=True)]
    for table in ("types", "nothing"):
        kinds = query(
            f"SELECT data_type FROM information_schema.columns WHERE table_name = '{table}' "
            "AND regexp_like(column_name, '^c[0-9]+$') ORDER BY ordinal_position"
        )
        found.views[table] = [str(kind) for (kind,) in kinds]
    schema = pq.read_metadata(BytesIO(file)).schema
    found.parquet = [described(schema.column(number)) for number in range(1, len(cases) + 1)]
    return found


def described(column: Any) -> str:
    """A Parquet column in the words of AWS's documentation: physical type, then annotation."""
    physical = f"FIXED({column.length})" if column.physical_type.startswith("FIXED") else column.physical_type
    kind = column.converted_type
    if kind == "DECIMAL":
        return f"{physical} DECIMAL({column.precision},{column.scale})"
    annotation = {"NONE": "", "UTF8": "STRING"}.get(kind, kind)
    return f"{physical} {annotation}".strip()


def differences(found: PublishedTypes, number: int, case: Case) -> list[str]:
    """How what was published differs from the case."""
    shown = found.shown[number][: len(case.values)]
    wrong = [
        f"{value.literal} is shown as {read!r} instead of {value.shown!r}"
        for value, read in zip(case.values, shown, strict=True)
        if read != value.shown
    ]
    lost = sum(value.fate == "counted" for value in case.values)
    facts = [
        ("Parquet", found.parquet[number], case.parquet),
        ("view type", found.views["types"][number], case.view),
        ("view type of a table without files", found.views["nothing"][number], case.view),
        ("values counted as lost", found.lost.get(f"c{number}", 0), lost),
    ]
    return wrong + [f"{what}: {actual} instead of {wanted}" for what, actual, wanted in facts if actual != wanted]
