"""The roles: the pipeline's, RDS's export role, the Glue job's. What each may do is computed by `infra/policy/`."""

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
from rds_lake.infra.template.parameters import boundary, named
from rds_lake.infra.template.parts import Part, get_att, joined, ref, resource, substituted, tags
from rds_lake.infra.template.trust import pipeline_trust, trust_parameters
from rds_lake.model.aws.arn import parse_arn

# What the computed policies call the key and the topic until they are in the template; CloudFormation alone knows their ARNs.
_KEY, _TOPIC = "${KeyOfTheLake}", "${TopicOfTheLake}"
_NAMES = Names(
    partition="${AWS::Partition}",
    region="${AWS::Region}",
    account="${AWS::AccountId}",
    key_arn=_KEY,
    export_role_arn="${ExportRole.Arn}",
    glue_role_arn="${JobRole.Arn}",
    topic_arn=_TOPIC,
)


def roles(config: LakeConfig) -> Part:
    """Those that lake.yaml needs, each bounded by `PermissionsBoundaryArn`."""
    settings = config.lake
    parts = [trust_parameters(), _pipeline(config)]
    if settings.export_role is not None:
        may = export_role_policy(config, _NAMES)
        parts.append(_service_role(config, "ExportRole", settings.export_role, export_role_trust(), may))
    if config.has_glue_job and settings.glue_role is not None:
        may = job_role_policy(config, _NAMES)
        parts.append(_service_role(config, "JobRole", settings.glue_role, job_role_trust(), may))
    return joined(parts)


def _pipeline(config: LakeConfig) -> Part:
    properties = {"RoleName": named("pipeline"), "AssumeRolePolicyDocument": pipeline_trust()}
    profile = {"InstanceProfileName": named("pipeline"), "Roles": [ref("PipelineRole")]}
    may = pipeline_policy(config, _NAMES)
    return Part(
        resources={
            "PipelineRole": _role(config, properties, may),
            "PipelineProfile": resource("AWS::IAM::InstanceProfile", profile, condition="OnEc2"),
        },
        outputs={
            "PipelineRole": {"Description": "What Dagster runs as", "Value": get_att("PipelineRole")},
            "PipelineProfile": {
                "Description": "The profile of an instance that Dagster runs on",
                "Value": get_att("PipelineProfile"),
                "Condition": "OnEc2",
            },
        },
        notes=tuple(f"pipeline role: {sentence}" for sentence in may.widened),
    )


def _service_role(config: LakeConfig, logical: str, role_arn: str, trust: dict[str, Any], may: PolicyDocument) -> Part:
    """A role under the name and path that lake.yaml has for it; none where lake.yaml has no source that needs it."""
    if not may.statements:
        return Part()
    path, _, name = parse_arn(role_arn).resource.removeprefix("role").rpartition("/")
    properties = {"RoleName": name, "Path": f"{path}/", "AssumeRolePolicyDocument": trust}
    key = {"ExportRole": "export_role", "JobRole": "glue_role"}[logical]
    return Part(
        resources={logical: _role(config, properties, may)},
        outputs={logical: {"Description": f"lake.yaml: {key}", "Value": get_att(logical)}},
    )


def _role(config: LakeConfig, properties: Mapping[str, Any], may: PolicyDocument) -> dict[str, Any]:
    known = {_KEY: key_arn(config), _TOPIC: topic_arn(config)}
    policy = {"PolicyName": "rds-lake", "PolicyDocument": substituted(may.as_dict(), known)}
    return resource("AWS::IAM::Role", {**properties, "Policies": [policy], **boundary(), "Tags": tags(config.lake)})
