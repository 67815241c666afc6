"""Roles and users with their policies, as IAM has them now, for `model/permissions`.

Policies of an organization (SCPs and RCPs) are not included: no account can read its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rds_lake.infra.doctor.patient import Patient
from rds_lake.model.aws.arn import Arn, parse_arn
from rds_lake.model.permissions.documents import parse_policy
from rds_lake.model.permissions.policy import Policy, PolicyType
from rds_lake.model.permissions.request import Principal

# What the session of a role is called here: permissions do not depend on it.
_SESSION = "doctor"


def identity_of(arn: str) -> str:
    """Returns the role of a session, without its path, which a session's ARN does not have; else the ARN itself."""
    parsed = parse_arn(arn)
    kind, _, rest = parsed.resource.partition("/")
    if parsed.service != "sts" or kind != "assumed-role":
        return arn
    return f"arn:{parsed.partition}:iam::{parsed.account}:role/{rest.partition('/')[0]}"


def without_policies(arn: str) -> Principal:
    """Returns the principal of a role's or user's ARN, as resource policies see it."""
    parsed = parse_arn(arn)
    if not parsed.resource.startswith("role/"):
        return Principal(arn=arn, account=parsed.account)
    session = f"arn:{parsed.partition}:sts::{parsed.account}:assumed-role/{_name(parsed)}/{_SESSION}"
    return Principal(arn=session, account=parsed.account, role=arn)


def with_policies(patient: Patient, arn: str) -> Principal:
    """Returns the principal with all attached policies. PolicyError if one cannot be read."""
    return patient.once(f"principal {arn}", lambda: _read(patient, arn))


def _read(patient: Patient, arn: str) -> Principal:
    parsed, bare = parse_arn(arn), without_policies(arn)
    if parsed.resource == "root":
        return bare
    kind = "role" if parsed.resource.startswith("role/") else "user"
    policies = tuple(_policies(patient, kind, _name(parsed)))
    return Principal(
        arn=bare.arn,
        account=bare.account,
        policies=policies,
        boundary=_boundary(patient, kind, _name(parsed)),
        role=bare.role,
    )


def inline_policies(patient: Patient, kind: str, name: str) -> dict[str, Any]:
    """Returns the inline policies of a role, user or group, by their names."""
    keys: dict[str, Any] = {f"{kind.capitalize()}Name": name}
    listed = patient.answers.pages("iam", f"list_{kind}_policies", "PolicyNames", about=name, **keys)
    return {
        policy: patient.ask("iam", f"get_{kind}_policy", about=name, PolicyName=policy, **keys)["PolicyDocument"]
        for policy in listed
    }


def _policies(patient: Patient, kind: str, name: str) -> Iterator[Policy]:
    for policy, document in inline_policies(patient, kind, name).items():
        yield parse_policy(document, name=f"{name}/{policy}")
    keys: dict[str, Any] = {f"{kind.capitalize()}Name": name}
    attached = patient.answers.pages("iam", f"list_attached_{kind}_policies", "AttachedPolicies", about=name, **keys)
    for policy in attached:
        yield _managed(patient, policy["PolicyArn"], PolicyType.IDENTITY)
    if kind == "user":
        for group in patient.answers.pages("iam", "list_groups_for_user", "Groups", about=name, UserName=name):
            yield from _policies(patient, "group", group["GroupName"])


def _boundary(patient: Patient, kind: str, name: str) -> Policy | None:
    answer = patient.role_of(name) if kind == "role" else patient.ask("iam", "get_user", UserName=name)["User"]
    arn = ((answer or {}).get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn")
    return _managed(patient, arn, PolicyType.BOUNDARY) if arn else None


def _managed(patient: Patient, arn: str, kind: PolicyType) -> Policy:
    version = patient.ask("iam", "get_policy", about=arn, PolicyArn=arn)["Policy"]["DefaultVersionId"]
    answer = patient.ask("iam", "get_policy_version", about=arn, PolicyArn=arn, VersionId=version)
    return parse_policy(answer["PolicyVersion"]["Document"], name=arn.rpartition("/")[2], kind=kind)


def _name(arn: Arn) -> str:
    """Returns `acme-export` of `role/lake/acme-export`."""
    return arn.resource.rpartition("/")[2]
