"""The roles: the pipeline's, RDS's export role, the Glue job's. `infra/policy/` computes their permissions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.document import PolicyDocument
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.pipeline import pipeline_policy
from rds_lake.infra.policy.service_roles import (
    export_role_policy,
    export_role_trust,
    job_role_policy,
    job_role_trust,
)
from rds_lake.infra.template.alarms import topic_arn
from rds_lake.infra.template.key import key_arn
from rds_lake.infra.template.parameters import boundary, equals, named
from rds_lake.infra.template.parts import (
    Part,
    either,
    get_att,
    joined,
    new_or_existing,
    ref,
    resource,
    sub,
    substituted,
    tags,
)
from rds_lake.infra.template.trust import pipeline_trust, trust_parameters
from rds_lake.model.aws.arn import parse_arn

# What the computed policies call these until they are in the template; CloudFormation alone knows their ARNs.
_KEY, _TOPIC = "${KeyOfTheLake}", "${TopicOfTheLake}"
_EXPORT_ROLE, _JOB_ROLE = "${ExportRoleOfTheLake}", "${JobRoleOfTheLake}"
# Logical id -> its parameter, its condition, and its key of lake.yaml.
_SERVICE_ROLES = {
    "ExportRole": ("RoleForExports", "NewExportRole", "export_role"),
    "JobRole": ("RoleForJob", "NewJobRole", "glue_role"),
}
TEMPLATE_NAMES = Names(
    partition="${AWS::Partition}",
    region="${AWS::Region}",
    account="${AWS::AccountId}",
    key_arn=_KEY,
    export_role_arn=_EXPORT_ROLE,
    glue_role_arn=_JOB_ROLE,
    topic_arn=_TOPIC,
)


def roles(config: LakeConfig) -> Part:
    """The roles that lake.yaml needs, each bounded by `PermissionsBoundaryArn`."""
    settings = config.lake
    parts = [trust_parameters(), _pipeline(config)]
    if settings.export_role is not None:
        may = export_role_policy(config, TEMPLATE_NAMES)
        parts.append(_service_role(config, "ExportRole", settings.export_role, export_role_trust(), may))
    if config.has_glue_job and settings.glue_role is not None:
        may = job_role_policy(config, TEMPLATE_NAMES)
        parts.append(_service_role(config, "JobRole", settings.glue_role, job_role_trust(), may))
    return joined(parts)


def job_role_arn(config: LakeConfig) -> Any:
    """Returns the ARN of the Glue job's role, as a value of the template."""
    return _role_arn("JobRole", config.lake.glue_role)


def _role_arn(logical: str, named_arn: str | None) -> Any:
    if named_arn is None:
        return None
    _, condition, _ = _SERVICE_ROLES[logical]
    existing = sub(f"arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:{parse_arn(named_arn).resource}")
    return either(condition, get_att(logical), existing)


def _pipeline(config: LakeConfig) -> Part:
    properties = {"RoleName": named("pipeline"), "AssumeRolePolicyDocument": pipeline_trust()}
    profile = {"InstanceProfileName": named("pipeline"), "Roles": [ref("PipelineRole")]}
    may = pipeline_policy(config, TEMPLATE_NAMES)
    return Part(
        resources={
            "PipelineRole": role(config, properties, may),
            "PipelineProfile": resource("AWS::IAM::InstanceProfile", profile, condition="OnEc2"),
        },
        outputs={
            "PipelineRole": {"Description": "The role that Dagster runs as", "Value": get_att("PipelineRole")},
            "PipelineProfile": {
                "Description": "The profile of an instance that Dagster runs on",
                "Value": get_att("PipelineProfile"),
                "Condition": "OnEc2",
            },
        },
        notes=tuple(f"pipeline role: {sentence}" for sentence in may.widened),
    )


def _service_role(config: LakeConfig, logical: str, role_arn: str, trust: dict[str, Any], may: PolicyDocument) -> Part:
    """A role with the name and path of lake.yaml; none if no source of lake.yaml needs it."""
    if not may.statements:
        return Part()
    path, _, name = parse_arn(role_arn).resource.removeprefix("role").rpartition("/")
    properties = {"RoleName": name, "Path": f"{path}/", "AssumeRolePolicyDocument": trust}
    parameter, condition, key = _SERVICE_ROLES[logical]
    made = role(config, properties, may)
    described = f"new: create the role {name}. existing: it exists, and is not changed."
    return Part(
        parameters={parameter: new_or_existing(described)},
        conditions={condition: equals(parameter, "new")},
        resources={logical: {"Type": made["Type"], "Condition": condition, "Properties": made["Properties"]}},
        outputs={logical: {"Description": f"lake.yaml: {key}", "Value": _role_arn(logical, role_arn)}},
    )


def role(config: LakeConfig, properties: Mapping[str, Any], may: PolicyDocument) -> dict[str, Any]:
    """A role with these permissions, bounded by `PermissionsBoundaryArn`. The policy has the names of `TEMPLATE_NAMES`."""
    known = {
        _KEY: key_arn(config),
        _TOPIC: topic_arn(config),
        _EXPORT_ROLE: _role_arn("ExportRole", config.lake.export_role),
        _JOB_ROLE: _role_arn("JobRole", config.lake.glue_role),
    }
    policy = {"PolicyName": "rds-lake", "PolicyDocument": substituted(may.as_dict(), known)}
    return resource("AWS::IAM::Role", {**properties, "Policies": [policy], **boundary(), "Tags": tags(config.lake)})
