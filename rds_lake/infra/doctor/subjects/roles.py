"""The roles: whether they exist, which principals they trust, what they may do, and whether that is what rds-lake prints today."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.doctor.findings import Examination, Key, Row, Seen, bad, doubtful, good
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.rights.by_resource import said
from rds_lake.infra.doctor.rights.decisions import Resource as OfResource
from rds_lake.infra.doctor.rights.decisions import denials
from rds_lake.infra.doctor.rights.deployed import policies_of_today
from rds_lake.infra.doctor.rights.parties import PIPELINE, Party, arn_of, denied, own_statements, parties, statements_of
from rds_lake.infra.doctor.rights.principals import inline_policies
from rds_lake.infra.doctor.subjects.credentials import ACCOUNT
from rds_lake.infra.policy.document import Statement
from rds_lake.infra.policy.names import Names
from rds_lake.model.permissions.documents import parse_policy
from rds_lake.model.permissions.policy import PolicyType
from rds_lake.model.permissions.request import Principal, Request

EXISTS = Row(
    id="role.exists",
    looks_at="The role exists: the pipeline's (from `--as`, else from `rds-lake setup`, else the caller's), "
    "`export_role`, `glue_role`, and those of `capture: lambda`.",
    remedy="run `rds-lake setup`, which creates it, or correct its ARN in lake.yaml",
)
TRUST = Row(
    id="role.trust",
    looks_at="The role trusts the AWS service that has to assume it.",
    remedy="give the role the trust policy that `rds-lake policy --for … --trust` prints",
)
RIGHTS = Row(
    id="role.rights",
    looks_at="The role's policies and its permissions boundary allow every action of a statement that `rds-lake policy` prints.",
    remedy="give the role what `rds-lake policy --for …` prints (`rds-lake setup` does)",
)
DRIFT = Row(
    id="role.drift",
    looks_at="The policy that `rds-lake setup` gave to the role is exactly the policy that `rds-lake policy` would print today.",
    remedy="run `rds-lake setup`",
)
ROWS = (EXISTS, TRUST, RIGHTS, DRIFT)
# What the template calls the one policy that it writes into a role.
_OURS = "rds-lake"
# Names by which statements are known before anybody has an account.
_NOBODY = Names(partition="aws", region="us-east-1", account="111122223333")


def examinations(config: LakeConfig) -> Iterator[Examination]:
    """Returns a row for each statement and role, so that every missing permission is named."""
    for party in parties(config):
        exists: tuple[Key, ...] = ((EXISTS.id, party.name),)
        yield Examination(row=EXISTS, about=party.name, look=partial(_exists, party), after=((ACCOUNT.id, ""),))
        if party.service:
            yield Examination(row=TRUST, about=party.name, look=partial(_trust, party), after=exists)
        rights: list[Key] = []
        for statement in statements_of(party, config, _NOBODY):
            about = f"{party.name} {statement.sid}"
            rights.append((RIGHTS.id, about))
            yield Examination(row=RIGHTS, about=about, look=partial(_rights, party, statement.sid), after=exists)
        yield Examination(row=DRIFT, about=party.name, look=partial(_drift, party), after=(*exists, *rights))


def _exists(party: Party, patient: Patient) -> Seen:
    arn = arn_of(party, patient)
    if arn is None:
        return bad(f"there is no role {party.role}")
    if party.name == PIPELINE and not patient.role and patient.role_of(party.role) is None:
        return good(f"the role {party.role} does not exist; the caller's rights were checked instead: {arn}")
    return good(arn)


def _trust(party: Party, patient: Patient) -> Seen:
    role, here = patient.role_of(party.role) or {}, patient.account().number
    policy = parse_policy(
        role["AssumeRolePolicyDocument"], name=f"the trust policy of {party.role}", kind=PolicyType.TRUST
    )
    who = Principal(arn=party.service or "", account="", service=True)
    request = Request(
        action="sts:AssumeRole", resource=role["Arn"], account=here, context={"aws:SourceAccount": (here,)}
    )
    refused = list(denials([request], who, lambda _: OfResource(policy=policy)))
    remedy = f"give the role what `rds-lake policy --for {party.name} --trust` prints"
    return said(refused, otherwise=f"it trusts {party.service}", remedy=remedy)


def _rights(party: Party, sid: str, patient: Patient) -> Seen:
    statement = _statement(party, sid, patient)
    refused = [denial for denial in denied(party, patient, statement) if not denial.by_resource]
    remedy = (
        f"add this to the policies of {arn_of(party, patient)}: {json.dumps(statement.as_dict(), ensure_ascii=False)}"
    )
    return said(refused, otherwise=statement.reason, remedy=remedy)


def _statement(party: Party, sid: str, patient: Patient) -> Statement:
    return next(statement for statement in own_statements(party, patient) if statement.sid == sid)


def _drift(party: Party, patient: Patient) -> Seen:
    arn = arn_of(party, patient) or ""
    role = arn.rpartition("/")[2]
    deployed = inline_policies(patient, "role", role).get(_OURS) if ":role/" in arn else None
    if deployed is None:
        return good("its policies were not made by `rds-lake setup`")
    differences = [_differences(deployed, today) for today in policies_of_today(party.name, patient)]
    if all(differences):
        return doubtful(f"its policy {_OURS} is of another lake.yaml or release: {', '.join(differences[0])}")
    return good("as it would be printed today")


def _differences(deployed: Mapping[str, Any], printed: Mapping[str, Any]) -> list[str]:
    """Returns the Sids of statements that differ, with the difference."""
    there, wanted = _by_sid(deployed), _by_sid(printed)
    return [
        *(f"{sid} is missing" for sid in wanted if sid not in there),
        *(f"{sid} is not needed any more" for sid in there if sid not in wanted),
        *(f"{sid} differs" for sid in wanted if sid in there and there[sid] != wanted[sid]),
    ]


def _by_sid(document: Mapping[str, Any]) -> dict[str, Any]:
    listed = document.get("Statement", [])
    statements = listed if isinstance(listed, list) else [listed]
    return {str(statement.get("Sid", number)): _sorted(statement) for number, statement in enumerate(statements)}


def _sorted(value: Any) -> Any:
    """Returns the value independent of the order of lists, and with a single value as a list."""
    if isinstance(value, Mapping):
        return {key: _sorted(inner) for key, inner in value.items()}
    return sorted(map(str, value)) if isinstance(value, list) else [str(value)]
