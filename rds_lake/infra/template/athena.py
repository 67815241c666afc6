"""The workgroup of lake.yaml, and the Glue databases of its sources."""

from __future__ import annotations

from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.template.key import key_arn
from rds_lake.infra.template.parameters import equals
from rds_lake.infra.template.parts import ACCOUNT, Part, either, new_or_existing, ref, resource, tags
from rds_lake.model.lake.layout import LakeLayout

# Every account has it, and it cannot be created or deleted: https://docs.aws.amazon.com/athena/latest/ug/workgroups.html
_PRIMARY = "primary"


def workgroup(config: LakeConfig) -> Part:
    """The workgroup of lake.yaml, unless it is `primary` or no source is queried."""
    if not any(source.athena for source in config.sources):
        return Part()
    return _workgroup(config)


def databases(config: LakeConfig, *, most: int) -> Part:
    """A Glue database for each source that is queried; none if that is more than `most`."""
    names = [source.name for source in config.sources if source.athena]
    if len(names) <= most:
        return _databases(names) if names else Part()
    note = (
        f"the template has no Glue databases: with {len(names)} of them it would have more than 500 resources, which "
        "CloudFormation does not accept. The pipeline creates each with the first date of its source"
    )
    return Part(notes=(note,))


def database_id(source: str) -> str:
    """Returns the logical id of a source's database. Names have no capital letters, so no two sources get the same id."""
    return f"Database{source.replace('_', 'U')}"


def _workgroup(config: LakeConfig) -> Part:
    name = config.lake.workgroup
    output = {"Description": "lake.yaml: workgroup", "Value": name}
    if name == _PRIMARY:
        return Part(outputs={"Workgroup": output})
    properties = {
        "Name": name,
        "Description": f"rds-lake: queries of {config.lake.bucket}/{config.lake.prefix}",
        "State": "ENABLED",
        # Athena deletes no workgroup that has run a query, unless its history goes too.
        "RecursiveDeleteOption": True,
        "WorkGroupConfiguration": {
            "EnforceWorkGroupConfiguration": True,
            "PublishCloudWatchMetricsEnabled": True,
            "EngineVersion": {"SelectedEngineVersion": "Athena engine version 3"},
            "ResultConfiguration": _results(config),
        },
        "Tags": tags(config.lake),
    }
    described = f"new: create the workgroup {name}. existing: it exists, and is not changed."
    return Part(
        parameters={"AthenaWorkgroup": new_or_existing(described)},
        conditions={"NewWorkgroup": equals("AthenaWorkgroup", "new")},
        resources={"Workgroup": resource("AWS::Athena::WorkGroup", properties, condition="NewWorkgroup")},
        outputs={"Workgroup": output | {"Value": either("NewWorkgroup", ref("Workgroup"), name)}},
    )


def _results(config: LakeConfig) -> dict[str, Any]:
    layout, key = LakeLayout(bucket=config.lake.bucket, prefix=config.lake.prefix), key_arn(config)
    encryption = {"EncryptionOption": "SSE_KMS", "KmsKey": key} if key else {"EncryptionOption": "SSE_S3"}
    return {"OutputLocation": layout.athena_results(), "EncryptionConfiguration": encryption}


def _databases(names: list[str]) -> Part:
    described = "new: create a Glue database per source. existing: some exist; the pipeline creates the others itself."
    return Part(
        parameters={"Databases": new_or_existing(described)},
        conditions={"NewDatabases": equals("Databases", "new")},
        resources={
            database_id(name): resource(
                "AWS::Glue::Database",
                {
                    "CatalogId": ACCOUNT,
                    "DatabaseInput": {"Name": name, "Description": f"rds-lake source {name}"},
                },
                condition="NewDatabases",
                keep=True,
            )
            for name in names
        },
    )
