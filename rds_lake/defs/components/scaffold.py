"""`dg scaffold defs rds_lake.LakeComponent lake` writes a valid `defs.yaml`, with the next step as a comment."""

from typing import Any, Literal

import dagster as dg
from pydantic import BaseModel, Field

_LAKE = """\
# {what}. All keys: docs/configuration.md of rds-lake; an editor that knows `dg` completes them (`dg utils configure-editor`).
type: {type}
attributes:
  lake:
    bucket: {bucket}
    events_queue: {queue}
    workgroup: {workgroup}
    start_date: "{start}"
    # `rds-lake setup` makes what does not exist yet. RDS and Aurora need both; DynamoDB alone needs neither.
    export_role: {role}
    kms_key: {key}
{sources}"""

_NO_SOURCES = """\
  # Each source has its own file: dg scaffold defs rds_lake.SourceComponent shop --kind rds --identifier shop-prod
"""

_SOURCE = """\
# {what}. It belongs to the project's rds_lake.LakeComponent.
type: {type}
attributes:
  name: {name}
  kind: {kind}
  {about}
"""


# By kind: a description, and the key that identifies the source.
_KINDS = {
    "rds": ("A DB instance", "identifier: {identifier}"),
    "aurora": ("An Aurora cluster", "identifier: {identifier}"),
    "dynamodb": ("DynamoDB tables", "tables: [{table}]"),
}


class LakeParams(BaseModel):
    """Options for a new lake's file."""

    bucket: str = Field(default="acme-lake", description="S3 bucket of the lake")
    events_queue: str = Field(default="rds-lake-events", description="SQS queue of RDS's events")
    workgroup: str = Field(default="rds-lake", description="Athena workgroup")
    start_date: str = Field(default="2026-01-01", description="First snapshot date, YYYY-MM-DD")
    export_role: str = Field(
        default="arn:aws:iam::111122223333:role/rds-lake-export", description="ARN of the role that RDS exports with"
    )
    kms_key: str = Field(default="alias/rds-lake", description="KMS key of the exports")


class SourceParams(BaseModel):
    """Options for a new source's file."""

    kind: Literal["rds", "aurora", "dynamodb"] = Field(default="rds", description="Kind of the source")
    identifier: str = Field(default="shop-prod", description="DB instance or cluster identifier")
    table: str = Field(default="Reviews", description="DynamoDB table, for `--kind dynamodb`")


class LakeScaffolder(dg.Scaffolder[LakeParams]):
    """Writes the lake's `defs.yaml`."""

    @classmethod
    def get_scaffold_params(cls) -> type[LakeParams]:
        return LakeParams

    def scaffold(self, request: dg.ScaffoldRequest[LakeParams]) -> None:
        given = request.params or LakeParams()
        _write(
            request,
            _LAKE.format(
                what="A lake: RDS, Aurora and DynamoDB in Athena every morning",
                type=request.type_name,
                bucket=given.bucket,
                queue=given.events_queue,
                workgroup=given.workgroup,
                start=given.start_date,
                role=given.export_role,
                key=given.kms_key,
                sources=_NO_SOURCES,
            ),
        )


class SourceScaffolder(dg.Scaffolder[SourceParams]):
    """Writes a source's `defs.yaml`; the source is named after the folder."""

    @classmethod
    def get_scaffold_params(cls) -> type[SourceParams]:
        return SourceParams

    def scaffold(self, request: dg.ScaffoldRequest[SourceParams]) -> None:
        given = request.params or SourceParams()
        name = request.target_path.name.lower().replace("-", "_")
        what, about = _KINDS[given.kind]
        about = about.format(identifier=given.identifier, table=given.table)
        _write(
            request,
            _SOURCE.format(what=what, type=request.type_name, name=name, kind=given.kind, about=about),
        )


def _write(request: dg.ScaffoldRequest[Any], text: str) -> None:
    """Writes YAML for any requested format, as attributes are checked in YAML."""
    path = request.target_path if request.append else request.target_path / "defs.yaml"
    with path.open("a" if request.append else "w", encoding="utf-8") as file:
        file.write(f"---\n{text}" if request.append else text)
