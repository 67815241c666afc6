"""The lake's bucket, and that of the exports: Region, owner, policy, encryption, and events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.errors import AwsError
from rds_lake.infra.doctor.findings import Examination, Fix, Row, Seen, bad, doubtful, good
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.rights.by_resource import by_its_policy
from rds_lake.infra.doctor.subjects.credentials import ACCOUNT

EXISTS = Row(
    id="bucket.exists",
    looks_at="The bucket is there, and belongs to this account (or to `export_bucket_owner`).",
    remedy="run `rds-lake setup`, which creates it, or choose another name in lake.yaml",
)
REGION = Row(
    id="bucket.region",
    looks_at="The bucket is in the Region of the databases: AWS writes an export only to a bucket of the same Region.",
    remedy="choose a bucket of this Region, or set `region:` in lake.yaml",
)
POLICY = Row(
    id="bucket.policy",
    looks_at="The bucket's own policy forbids nothing that the pipeline and the roles of exports and of Glue have to do.",
    remedy="narrow the statement of the bucket's policy that denies it",
)
ENCRYPTION = Row(
    id="bucket.encryption",
    looks_at="New objects are encrypted by S3 (SSE-S3) or with the lake's key: the pipeline may not use another key.",
    remedy="set the bucket's default encryption to SSE-S3 or to `kms_key:`, or name the bucket's key as `kms_key:`",
)
EVENTS = Row(
    id="bucket.events",
    looks_at="The bucket of DynamoDB's exports sends events to EventBridge: no other event reports the end of an export.",
    remedy="run `rds-lake doctor --fix`, or switch on EventBridge in the bucket's properties",
)
ROWS = (EXISTS, REGION, POLICY, ENCRYPTION, EVENTS)
_MISSING = ("404", "NoSuchBucket", "NotFound")
_REDIRECTED = ("301", "307", "308", "PermanentRedirect")
_KMS = ("aws:kms", "aws:kms:dsse")


def examinations(config: LakeConfig) -> Iterator[Examination]:
    """Returns the rows of one bucket, or of two; for another account's bucket, the rows that can be checked from here."""
    lake = config.lake
    for name in dict.fromkeys((lake.bucket, lake.exports_bucket)):
        owner = lake.export_bucket_owner if name != lake.bucket else None
        exists, region = ((EXISTS.id, name),), ((REGION.id, name),)
        yield Examination(row=EXISTS, about=name, look=partial(_exists, name, owner), after=((ACCOUNT.id, ""),))
        yield Examination(row=REGION, about=name, look=partial(_region, name, owner), after=exists)
        yield Examination(row=POLICY, about=name, look=partial(_policy, name), after=region)
        yield Examination(row=ENCRYPTION, about=name, look=partial(_encryption, name), after=region)
        if config.has_dynamodb and name == lake.exports_bucket:
            yield Examination(row=EVENTS, about=name, look=partial(_events, name), after=region)


def _head(patient: Patient, name: str, owner: str | None) -> Any:
    """Returns S3's answer; None if the bucket does not exist, the error if it belongs to another account or Region.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
    """
    expected = owner or patient.account().number
    return patient.ask(
        "s3", "head_bucket", about=f"s3://{name}", missing=_MISSING, Bucket=name, ExpectedBucketOwner=expected
    )


def _exists(name: str, owner: str | None, patient: Patient) -> Seen:
    try:
        head = _head(patient, name, owner)
    except AwsError as error:
        if error.code in _REDIRECTED:
            return good("it is there")
        if error.code not in ("403", "AccessDenied", "Forbidden"):
            raise
        return bad(
            "it belongs to another account, or may not be listed with these credentials",
            "choose a bucket of this account in lake.yaml; or let these credentials list it (s3:ListBucket)",
            missing=("s3:ListBucket",),
        )
    return bad("the bucket does not exist") if head is None else good("it exists and belongs to this account")


def _region(name: str, owner: str | None, patient: Patient) -> Seen:
    here = patient.account().region
    try:
        answer = _head(patient, name, owner) or {}
    except AwsError as error:
        if error.code not in _REDIRECTED:
            raise
        return bad(f"it is in another Region than {here}: {error}")
    headers = answer.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    region = answer.get("BucketRegion") or headers.get("x-amz-bucket-region") or here
    return good(region) if region == here else bad(f"it is in {region}, and the sources are in {here}")


def _policy(name: str, patient: Patient) -> Seen:
    return by_its_policy(patient, patient.names().bucket(name), "bucket")


def _encryption(name: str, patient: Patient) -> Seen:
    missing = ("ServerSideEncryptionConfigurationNotFoundError",)
    answer = patient.ask("s3", "get_bucket_encryption", about=f"s3://{name}", missing=missing, Bucket=name)
    rules = (answer or {}).get("ServerSideEncryptionConfiguration", {}).get("Rules", [])
    default = next((rule["ApplyServerSideEncryptionByDefault"] for rule in rules if rule), {})
    if default.get("SSEAlgorithm") not in _KMS:
        return good("by S3 itself (SSE-S3)")
    named = default.get("KMSMasterKeyID")
    if named is None or named.endswith("alias/aws/s3"):
        return doubtful("with AWS's own key aws/s3, which no other account can use")
    own, used = patient.lake.kms_key and patient.key(patient.lake.kms_key), patient.key(named)
    if used is None:
        return bad(f"with the key {named}, which does not exist: nothing can be written")
    if own and own["Arn"] == used["Arn"]:
        return good(f"with the lake's key, {patient.lake.kms_key}")
    return bad(
        f"with the key {used['Arn']}, which is not `kms_key:`: the printed policies do not let the pipeline use it"
    )


def _events(name: str, patient: Patient) -> Seen:
    configuration = patient.ask("s3", "get_bucket_notification_configuration", about=f"s3://{name}", Bucket=name)
    if "EventBridgeConfiguration" in configuration:
        return good("on")
    return bad("EventBridge is off: no event would report the end of an export", fix=_tell(name, configuration))


def _tell(name: str, present: dict[str, Any]) -> Fix:
    kept = {key: value for key, value in present.items() if key != "ResponseMetadata"}

    def apply(client: Callable[[str], Any]) -> None:
        wanted = kept | {"EventBridgeConfiguration": {}}
        with aws_errors("s3", "PutBucketNotificationConfiguration", about=f"s3://{name}"):
            client("s3").put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=wanted)

    return Fix(
        does=f"have bucket {name} send events of its objects to EventBridge; its other notifications stay", apply=apply
    )
