"""The KMS key of the lake: whether it exists and can be used, and whom its policy allows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.doctor.findings import Examination, Row, Seen, bad, doubtful, good
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.rights.by_resource import by_its_policy
from rds_lake.infra.doctor.subjects.credentials import ACCOUNT

EXISTS = Row(
    id="key.exists",
    looks_at="The KMS key of `kms_key` is there, in the Region of the exports.",
    remedy="run `rds-lake setup`, which makes the key of an alias, or name another in lake.yaml",
)
STATE = Row(
    id="key.state",
    looks_at="The key is enabled, and neither waits for its deletion nor is of a kind that S3 cannot use.",
    remedy="enable the key, or cancel its deletion: data that is encrypted with a deleted key is lost for ever",
)
POLICY = Row(
    id="key.policy",
    looks_at="The key's own policy and its grants let the pipeline and the roles use it, or let IAM policies of the account apply.",
    remedy="let the key's policy hand decisions to IAM policies of the account, as `rds-lake template` does",
)
GRANTS = Row(
    id="key.grants",
    looks_at="The key can get more grants: RDS creates one for each export, and a key can have 50,000.",
    remedy="retire grants that are no longer needed, or use another key for other work",
)
ROWS = (EXISTS, STATE, POLICY, GRANTS)
# https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
_MOST_GRANTS, _MANY_GRANTS = 50_000, 40_000


def examinations(config: LakeConfig) -> Iterator[Examination]:
    """Returns the examinations of the key; empty without `kms_key`."""
    name = config.lake.kms_key
    if name is None:
        return
    exists, state = ((EXISTS.id, name),), ((STATE.id, name),)
    yield Examination(row=EXISTS, about=name, look=_exists, after=((ACCOUNT.id, ""),))
    yield Examination(row=STATE, about=name, look=_state, after=exists)
    yield Examination(row=POLICY, about=name, look=_policy, after=state)
    yield Examination(row=GRANTS, about=name, look=_grants, after=state)


def _exists(patient: Patient) -> Seen:
    key = patient.key(patient.lake.kms_key or "")
    return bad("the key does not exist in this account and Region") if key is None else good(key["Arn"])


def _state(patient: Patient) -> Seen:
    key = patient.key(patient.lake.kms_key or "") or {}
    spec, state = key.get("KeySpec", "SYMMETRIC_DEFAULT"), key.get("KeyState", "unknown")
    if spec != "SYMMETRIC_DEFAULT":
        return bad(f"it is a key of the kind {spec}, which S3 cannot encrypt with", "name a symmetric key")
    if state == "Enabled":
        return good(state)
    until = key.get("DeletionDate")
    return bad(f"its state is {state}{f', until {until:%Y-%m-%d}' if isinstance(until, datetime) else ''}")


def _policy(patient: Patient) -> Seen:
    key = patient.key(patient.lake.kms_key or "") or {}
    return by_its_policy(patient, key["Arn"], "key")


def _grants(patient: Patient) -> Seen:
    arn = (patient.key(patient.lake.kms_key or "") or {})["Arn"]
    count = len(patient.answers.pages("kms", "list_grants", "Grants", about=arn, KeyId=arn))
    text = f"{count:,} of {_MOST_GRANTS:,} grants"
    return doubtful(text) if count > _MANY_GRANTS else good(text)
