"""The table of permissions in docs/configuration.md, made from the policies.

python -m rds_lake_tests.infra.policy.permissions_table
"""

from __future__ import annotations

from pathlib import Path

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.document import PolicyDocument, Statement
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.pipeline import pipeline_policy
from rds_lake.infra.policy.readers import reader_policy
from rds_lake.infra.policy.service_roles import export_role_policy, job_role_policy
from rds_lake_tests.infra.policy.lakes import aurora, dynamodb, everything, lake, rds

PAGE = Path(__file__).parents[3] / "docs" / "configuration.md"
COMMAND = "python -m rds_lake_tests.infra.policy.permissions_table"
BEGIN, END = "<!-- permissions: begin -->", "<!-- permissions: end -->"

_NAMES = Names(partition="aws", region="REGION", account="ACCOUNT")
# What decides whether a statement is there: the kinds of sources, and single settings.
_KINDS = {"`kind: rds`": lake(rds()), "`kind: aurora`": lake(aurora()), "`kind: dynamodb`": lake(dynamodb())}
_SETTINGS = {
    "FindTables": "a pattern in `tables`",
    "ScanTables": "`method: scan`",
    "RunTheGlueJob": "`converter: glue` or `auto`",
    "ListTheExports": "an `export_bucket` of its own",
    "Notify": "`notifications`",
    "ReadSecrets": "`verify`",
}


def section() -> str:
    """The lines between the page's two marks."""
    parts = [
        "The pipeline's role, which Dagster runs as:",
        _table(pipeline_policy(everything(), _NAMES), with_when=True),
        "Readers of the views:",
        _table(reader_policy(everything(), _NAMES)),
        "`export_role`, which RDS's export service assumes:",
        _table(export_role_policy(everything(), _NAMES)),
        "`glue_role`, which the Glue job assumes:",
        _table(job_role_policy(everything(), _NAMES)),
    ]
    return "\n\n".join(parts)


def _table(document: PolicyDocument, *, with_when: bool = False) -> str:
    rows = ["| what for | actions | on |", "|---|---|---|"]
    for one in document.statements:
        when = f" *{_when(one)}*" if with_when and _when(one) else ""
        actions = ", ".join(f"`{action}`" for action in one.actions)
        rows.append(f"| {one.reason}{when} | {actions} | {_resources(one)} |")
    return "\n".join(rows)


def _when(statement: Statement) -> str:
    having = [name for name, config in _KINDS.items() if _has(config, statement.sid)]
    if len(having) == len(_KINDS):
        return ""
    return f"Only with {' or '.join(having) or _SETTINGS[statement.sid]}."


def _has(config: LakeConfig, sid: str) -> bool:
    return any(one.sid == sid for one in pipeline_policy(config, _NAMES).statements)


def _resources(statement: Statement) -> str:
    """Without the beginning that all ARNs of a service have, and the conditions behind them."""
    shown = ", ".join(f"`{_short(resource.arn)}`" for resource in statement.resources)
    keys = [key for keys in statement.conditions.values() for key in keys]
    return shown + (f" with {', '.join(f'`{key}`' for key in keys)}" if keys else "")


def _short(arn: str) -> str:
    return arn if arn == "*" else arn.split(":", 5)[-1]


def replaced(page: str) -> str:
    """The page with the section as it should be."""
    before, rest = page.split(BEGIN)
    return f"{before}{BEGIN}\n{section()}\n{END}{rest.split(END)[1]}"


if __name__ == "__main__":
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
