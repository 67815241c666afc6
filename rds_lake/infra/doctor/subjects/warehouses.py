"""Warehouses: whether leases have expired, whether stacks exist that no lease names, and whether events report new JSON files."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.errors import ManifestError
from rds_lake.infra.doctor.findings import Examination, Row, Seen, bad, doubtful, good
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.subjects.credentials import ACCOUNT
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.warehouse.lease import Lease, LeaseState, parse_lease
from rds_lake.model.warehouse.names import STATEMENTS_TAG, is_name_of, statements_of

LEASE = Row(
    id="warehouse.lease",
    looks_at="The lease of each warehouse can be read and has not expired: the warehouse of an expired lease costs money "
    "until it is removed.",
    remedy="check that the sensor `rds_lake_reaper` is on in Dagster, or run `rds-lake warehouse reap --apply`",
)
STACKS = Row(
    id="warehouse.stacks",
    looks_at="Every stack of a warehouse is named by the warehouse's lease.",
    remedy="run `rds-lake warehouse reap --apply`, which removes the stack and its objects",
)
EVENTS = Row(
    id="warehouse.events",
    looks_at="The bucket of `input:` sends events to EventBridge; without events, JSON files are found only by listing.",
    remedy="switch on EventBridge in the bucket's properties, or leave it off: JSON files are found by listing every half minute",
)
ROWS = (LEASE, STACKS, EVENTS)
# The reaper runs every five minutes, and a deletion takes AWS some minutes.
_PATIENCE = timedelta(minutes=20)
_GONE = ("DELETE_COMPLETE",)


def examinations(config: LakeConfig) -> Iterator[Examination]:
    """Returns two or three rows for each warehouse; none for an existing one, of which rds-lake creates nothing."""
    for each in config.warehouses:
        after = ((ACCOUNT.id, ""),)
        yield Examination(row=LEASE, about=each.name, look=partial(_lease, each.name), after=after)
        if each.mode != "existing":
            look = partial(_stacks, each.name)
            yield Examination(row=STACKS, about=each.name, look=look, after=((LEASE.id, each.name),))
        if each.input:
            bucket = each.input.removeprefix("s3://").partition("/")[0]
            yield Examination(row=EVENTS, about=each.name, look=partial(_events, bucket), after=after)


def _layout(patient: Patient) -> LakeLayout:
    return LakeLayout(bucket=patient.lake.bucket, prefix=patient.lake.prefix)


def _read(patient: Patient, warehouse: str) -> Lease | None:
    layout = _layout(patient)
    key = layout.warehouse_lease_key(warehouse)

    def read() -> Lease | None:
        answer = patient.ask(
            "s3", "get_object", about=layout.uri(key), missing=("NoSuchKey", "404"), Bucket=layout.bucket, Key=key
        )
        return None if answer is None else parse_lease(answer["Body"].read().decode(), where=layout.uri(key))

    return patient.once(f"lease of {warehouse}", read)


def _lease(warehouse: str, patient: Patient) -> Seen:
    try:
        lease = _read(patient, warehouse)
    except ManifestError as error:
        return bad(str(error))
    if lease is None:
        return good("it was never used")
    if lease.state is LeaseState.FREE:
        return good("free: it does not exist now")
    if lease.expires_at is not None and patient.now() - lease.expires_at > _PATIENCE:
        return doubtful(
            f"{lease.state} by run {lease.run}, and expired at {lease.expires_at:%Y-%m-%d %H:%M} UTC, but the objects "
            "that it names have not been removed"
        )
    return good(f"{lease.state} by run {lease.run}")


def _stacks(warehouse: str, patient: Patient) -> Seen:
    stacks = patient.answers.pages("cloudformation", "list_stacks", "StackSummaries")
    lease = _read(patient, warehouse)
    named = lease.names.stack if lease is not None and lease.state is not LeaseState.FREE else None
    others = [
        each["StackName"]
        for each in stacks
        if each["StackStatus"] not in _GONE and each["StackName"] != named and is_name_of(warehouse, each["StackName"])
    ]
    strays = [name for name in others if _is_ours(patient, warehouse, name)]
    if strays:
        return doubtful(f"no lease names {', '.join(strays)}")
    return good("none without a lease")


def _is_ours(patient: Patient, warehouse: str, stack: str) -> bool:
    """Whether the stack's tag names this lake: another lake's warehouse may have the same name."""
    answer = patient.ask(
        "cloudformation", "describe_stacks", about=stack, missing=("ValidationError",), StackName=stack
    )
    tags = {each["Key"]: each["Value"] for each in answer["Stacks"][0].get("Tags", ())} if answer else {}
    return tags.get(STATEMENTS_TAG, "").startswith(statements_of(_layout(patient), warehouse))


def _events(bucket: str, patient: Patient) -> Seen:
    configuration = patient.ask("s3", "get_bucket_notification_configuration", about=f"s3://{bucket}", Bucket=bucket)
    if "EventBridgeConfiguration" in configuration:
        return good("on")
    return doubtful(f"EventBridge is off for bucket {bucket}")
