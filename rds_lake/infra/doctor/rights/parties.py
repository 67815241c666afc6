"""The roles of a lake, and what each must be able to do: the pipeline's, and the roles that AWS services assume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.rights.decisions import Denial, denials, known_resource
from rds_lake.infra.doctor.rights.principals import identity_of, with_policies
from rds_lake.infra.doctor.rights.requests import LakeKey, Samples, requests_of
from rds_lake.infra.policy.databases import EXPORT_SERVICE
from rds_lake.infra.policy.deployed import name_prefix
from rds_lake.infra.policy.document import Statement
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.pipeline import pipeline_statements
from rds_lake.infra.policy.service_roles import export_role_policy, job_role_policy
from rds_lake.infra.policy.streams.capture import (
    CALLER_ROLE,
    FUNCTION_ROLE,
    STREAM_ROLE,
    caller_policy,
    function_policy,
    stream_policy,
)
from rds_lake.model.aws.arn import parse_arn

PIPELINE = "pipeline"


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """`name`: as in `rds-lake policy --for`. `role`: the role's name. `service`: which service assumes it; None: not checked."""

    name: str
    role: str
    service: str | None


def parties(config: LakeConfig) -> tuple[Party, ...]:
    """Returns the pipeline first, then the roles that lake.yaml needs."""
    lake, prefix = config.lake, name_prefix(config.lake)
    roles = [Party(name=PIPELINE, role=f"{prefix}-pipeline", service=None)]
    if config.databases and lake.export_role:
        roles.append(Party(name="export-role", role=_name(lake.export_role), service=EXPORT_SERVICE))
    if config.has_glue_job and lake.glue_role:
        roles.append(Party(name="job-role", role=_name(lake.glue_role), service="glue.amazonaws.com"))
    if any(source.streams and source.streams.capture == "lambda" for source in config.databases):
        roles += [
            Party(name="function-role", role=f"{prefix}-{FUNCTION_ROLE}", service="lambda.amazonaws.com"),
            Party(name="stream-role", role=f"{prefix}-{STREAM_ROLE}", service="firehose.amazonaws.com"),
            Party(name="caller-role", role=f"{prefix}-{CALLER_ROLE}", service="rds.amazonaws.com"),
        ]
    return tuple(roles)


def statements_of(party: Party, config: LakeConfig, names: Names) -> tuple[Statement, ...]:
    """Returns the statements of the role's policy, with every name in full."""
    if party.name == PIPELINE:
        return pipeline_statements(config, names)
    by_name = {
        "export-role": export_role_policy,
        "job-role": job_role_policy,
        "function-role": lambda config, names: function_policy(config, names, name_prefix(config.lake)),
        "stream-role": stream_policy,
        "caller-role": caller_policy,
    }
    return by_name[party.name](config, names).statements


def arn_of(party: Party, patient: Patient) -> str | None:
    """Returns the ARN whose permissions are checked; None if the role does not exist.

    For the pipeline: the role that the user gave, else the template's role, else the caller.
    """
    if party.name == PIPELINE and patient.role:
        return patient.role
    role = patient.role_of(party.role)
    if role is not None:
        return role["Arn"]
    return identity_of(patient.caller()) if party.name == PIPELINE else None


def own_statements(party: Party, patient: Patient) -> tuple[Statement, ...]:
    """As `statements_of`, in the examined account."""
    return patient.once(f"statements {party.name}", lambda: statements_of(party, patient.config, patient.names()))


def denied(party: Party, patient: Patient, statement: Statement) -> Iterator[Denial]:
    """Returns the requests of the statement that are denied; empty if the role does not exist."""
    arn = arn_of(party, patient)
    if arn is not None:
        requests = requests_of(statement, samples(patient))
        yield from denials(requests, with_policies(patient, arn), known_resource(patient))


def samples(patient: Patient) -> Samples:
    """Returns the values that replace the patterns of statements, in this account."""
    return patient.once("samples", lambda: _samples(patient))


def _samples(patient: Patient) -> Samples:
    here, named = patient.account(), patient.lake.kms_key
    described = patient.key(named) if named else None
    key = None if described is None else LakeKey(arn=described["Arn"], aliases=_aliases(patient, described))
    return Samples(account=here.number, region=here.region, key=key)


def _aliases(patient: Patient, key: dict[str, str]) -> tuple[str, ...]:
    """Returns all aliases of the key: a policy may name another one than lake.yaml."""
    listed = patient.answers.pages("kms", "list_aliases", "Aliases", about=key["Arn"], KeyId=key["KeyId"])
    return tuple(sorted(alias["AliasName"] for alias in listed if alias.get("TargetKeyId") == key["KeyId"]))


def _name(arn: str) -> str:
    return parse_arn(arn).resource.rpartition("/")[2]
