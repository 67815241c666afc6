"""The policy that `rds-lake setup` would give to a role today, as IAM would have it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.rights.parties import PIPELINE
from rds_lake.infra.policy.deployed import name_prefix
from rds_lake.infra.policy.document import PolicyDocument
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.pipeline import pipeline_policy
from rds_lake.infra.policy.service_roles import export_role_policy, job_role_policy
from rds_lake.infra.policy.streams.capture import caller_policy, function_policy, stream_policy
from rds_lake.infra.template.roles import TEMPLATE_NAMES


def policies_of_today(party: str, patient: Patient) -> Iterator[dict[str, Any]]:
    """Returns the document as the template writes it, and as `rds-lake policy` prints it: they name the key differently."""
    written = json.dumps(_document(party, patient, TEMPLATE_NAMES).as_dict())
    for parameter, value in _values(patient).items():
        written = written.replace(parameter, value)
    yield json.loads(written)
    yield _document(party, patient, patient.names()).as_dict()


def _document(party: str, patient: Patient, names: Names) -> PolicyDocument:
    config = patient.config
    if party == PIPELINE:
        return pipeline_policy(config, names)
    if party == "function-role":
        return function_policy(config, names, name_prefix(config.lake))
    by_name = {
        "export-role": export_role_policy,
        "job-role": job_role_policy,
        "stream-role": stream_policy,
        "caller-role": caller_policy,
    }
    return by_name[party](config, names)


def _values(patient: Patient) -> dict[str, str]:
    """Returns the values of the template's parameters."""
    here, lake = patient.account(), patient.lake
    key = patient.key(lake.kms_key) if lake.kms_key else None
    named = {
        TEMPLATE_NAMES.partition: here.partition,
        TEMPLATE_NAMES.region: here.region,
        TEMPLATE_NAMES.account: here.number,
        TEMPLATE_NAMES.key_arn: key["Arn"] if key else None,
        TEMPLATE_NAMES.export_role_arn: lake.export_role,
        TEMPLATE_NAMES.glue_role_arn: lake.glue_role,
        TEMPLATE_NAMES.topic_arn: lake.notifications,
    }
    return {parameter: value for parameter, value in named.items() if parameter and value}
