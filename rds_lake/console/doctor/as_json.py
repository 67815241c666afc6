"""The findings as JSON, for programs. The form is `SCHEMA`, and changes only with its version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rds_lake.infra.doctor.findings import Finding, Verdict

VERSION = 1
_NAMES = {"type": "array", "items": {"type": "string"}}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "What `rds-lake doctor --json` prints",
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "verdict", "exit_code", "counts", "findings"],
    "properties": {
        "version": {"const": VERSION},
        "verdict": {
            "enum": ["pass", "warn", "fail"],
            "description": "The worst of all findings; unknown counts as warn.",
        },
        "exit_code": {"enum": [0, 1, 2]},
        "counts": {
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "description": "How many findings have each verdict.",
        },
        "findings": {
            "type": "array",
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": [
                    "id",
                    "subject",
                    "about",
                    "verdict",
                    "seen",
                    "remedy",
                    "missing_actions",
                    "depends_on",
                    "fixable",
                ],
                "properties": {
                    "id": {"type": "string", "description": "The row: `queue.policy`."},
                    "subject": {"type": "string", "description": "What comes before the dot of `id`."},
                    "about": {"type": "string", "description": "The object; empty if only one is possible."},
                    "verdict": {"enum": [verdict.value for verdict in Verdict]},
                    "seen": {"type": "string"},
                    "remedy": {"type": "string", "description": "What to do; empty if nothing has to be done."},
                    "missing_actions": _NAMES | {"description": "Actions of IAM that are denied."},
                    "depends_on": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "additionalProperties": False,
                            "required": ["id", "about"],
                            "properties": {"id": {"type": "string"}, "about": {"type": "string"}},
                        },
                    },
                    "fixable": {"type": "boolean", "description": "Whether `--fix` can fix it."},
                },
            },
        },
    },
}


def exit_code(findings: Sequence[Finding]) -> int:
    """Returns 2 if something failed, 1 if something has to be looked at or is not known, otherwise 0."""
    verdicts = {finding.verdict for finding in findings}
    if Verdict.FAIL in verdicts:
        return 2
    return 1 if verdicts & {Verdict.WARN, Verdict.UNKNOWN} else 0


def as_json(findings: Sequence[Finding]) -> dict[str, Any]:
    """Returns the JSON object."""
    code = exit_code(findings)
    return {
        "version": VERSION,
        "verdict": ("pass", "warn", "fail")[code],
        "exit_code": code,
        "counts": {verdict.value: sum(finding.verdict is verdict for finding in findings) for verdict in Verdict},
        "findings": [_finding(finding) for finding in findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "id": finding.row.id,
        "subject": finding.row.subject,
        "about": finding.about,
        "verdict": finding.verdict.value,
        "seen": finding.seen,
        "remedy": finding.remedy,
        "missing_actions": list(finding.missing),
        "depends_on": [{"id": row, "about": about} for row, about in finding.depends_on],
        "fixable": finding.fix is not None,
    }
