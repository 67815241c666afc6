"""The tables of rows and of broken accounts in docs/doctor.md, made from the code and from the tests.

python -m rds_lake_tests.console.doctor.page
"""

from __future__ import annotations

import json
from itertools import groupby
from pathlib import Path

from rds_lake.console.doctor.as_json import SCHEMA
from rds_lake.console.doctor.command import ROWS
from rds_lake_tests.infra.doctor.faults import FAULTS, FIXABLE

PAGE = Path(__file__).parents[3] / "docs" / "doctor.md"
_ROWS = ("<!-- rows: begin -->", "<!-- rows: end -->")
_FAULTS = ("<!-- faults: begin -->", "<!-- faults: end -->")
_SCHEMA = ("<!-- schema: begin -->", "<!-- schema: end -->")
_TITLES = {
    "credentials": "Credentials",
    "source": "Databases",
    "tables": "DynamoDB's tables",
    "bucket": "Buckets",
    "key": "The KMS key",
    "role": "Roles",
    "queue": "The events queue",
    "rule": "Rules of EventBridge",
    "topic": "The topic of failures",
    "workgroup": "Athena's workgroup",
    "catalogue": "The Glue catalogue",
    "job": "The Glue job",
    "warehouse": "Warehouses",
    "quota": "Quotas",
    "names": "Names",
    "streams": "Capture of changes",
    "dagster": "Dagster",
}


def rows() -> str:
    """A table for each subject."""
    parts: list[str] = []
    for subject, grouped in groupby(ROWS, key=lambda row: row.subject):
        lines = [f"### {_TITLES[subject]}", "", "| row | what it looks at | what to do |", "|---|---|---|"]
        lines += [f"| `{row.id}` | {row.looks_at} | {row.remedy[:1].upper()}{row.remedy[1:]}. |" for row in grouped]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def faults() -> str:
    """A line for each broken account of the tests."""
    lines = ["| what is broken | the row that says so | about | verdict | `--fix` mends it |", "|---|---|---|---|---|"]
    for fault in FAULTS:
        row, about = fault.shown
        mended = "yes" if row in FIXABLE else ""
        lines.append(f"| {fault.said} | `{row}` | {f'`{about}`' if about else ''} | {fault.verdict.value} | {mended} |")
    return "\n".join(lines)


def schema() -> str:
    """The JSON schema, as a block."""
    return f"```json\n{json.dumps(SCHEMA, indent=2)}\n```"


def replaced(page: str) -> str:
    """The page with all parts as they should be."""
    for (begin, end), made in ((_ROWS, rows()), (_FAULTS, faults()), (_SCHEMA, schema())):
        before, rest = page.split(begin)
        page = f"{before}{begin}\n\n{made}\n\n{end}{rest.split(end)[1]}"
    return page


if __name__ == "__main__":
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
