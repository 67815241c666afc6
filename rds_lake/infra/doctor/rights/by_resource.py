"""What the policy of a bucket, queue, topic or key allows the roles of the lake and AWS services."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rds_lake.errors import RdsLakeError
from rds_lake.infra.doctor.findings import Seen, bad, doubtful, good
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.rights.decisions import Denial, actions_of, denials, resource_of
from rds_lake.infra.doctor.rights.parties import arn_of, own_statements, parties, samples
from rds_lake.infra.doctor.rights.principals import with_policies, without_policies
from rds_lake.infra.doctor.rights.requests import requests_of
from rds_lake.model.permissions.request import Principal, Request

_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """An AWS service that must be able to act. `context`: the condition keys that it sends, as AWS documents."""

    principal: str
    actions: tuple[str, ...]
    context: Mapping[str, tuple[str, ...]]


def by_its_policy(patient: Patient, arn: str, what: str) -> Seen:
    """Whether the resource's own policy lets the lake's roles do their work with it."""
    resource_of(patient, arn)  # a policy that may not be read is unknown, so nothing counts as allowed
    refused = [denial for denial in _of_parties(patient, arn) if denial.by_resource]
    return said(refused, otherwise=f"the {what}'s policy forbids nothing that is needed")


def by_service(patient: Patient, arn: str, service: Service) -> list[Denial]:
    """Returns the actions that the resource's policy denies an AWS service."""
    who = Principal(arn=service.principal, account="", service=True)
    here = patient.account().number
    requests = [
        Request(
            action=action, resource=arn, account=here, context={"aws:SecureTransport": ("true",), **service.context}
        )
        for action in service.actions
    ]
    resource = resource_of(patient, arn)
    return list(denials(requests, who, lambda _: resource))


def said(refused: Sequence[Denial], *, otherwise: str, remedy: str | None = None) -> Seen:
    """Returns the denials as a finding: bad if one is certain, doubtful if all depend on values known only at the request."""
    if not refused:
        return good(otherwise)
    certain = [denial for denial in refused if not denial.depends_on]
    text = "; ".join(map(str, (certain or list(refused))[:_SHOWN]))
    if len(certain or refused) > _SHOWN:
        text += f"; and {len(certain or refused) - _SHOWN} more"
    if not certain:
        return doubtful(text, "see whether the requests of the pipeline meet these conditions")
    return bad(text, remedy, missing=actions_of(certain))


def _of_parties(patient: Patient, arn: str) -> Iterator[Denial]:
    """Returns the denials of requests on the resource, or on its content."""
    known = samples(patient)
    resource = resource_of(patient, arn)
    for party in parties(patient.config):
        principal = _principal(patient, arn_of(party, patient))
        if principal is None:
            continue
        requests = (
            request
            for statement in own_statements(party, patient)
            for request in requests_of(statement, known)
            if request.resource == arn or request.resource.startswith(f"{arn}/")
        )
        yield from denials(requests, principal, lambda _: resource)


def _principal(patient: Patient, arn: str | None) -> Principal | None:
    """Returns the principal, with its policies if they may be read."""
    if arn is None:
        return None
    try:
        return with_policies(patient, arn)
    except RdsLakeError:
        return without_policies(arn)
