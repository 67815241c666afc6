"""Twenty-five faults of an account, each made by one call, or two, and mended again; and the row that has to say so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rds_lake.infra.doctor.findings import Key, Verdict
from rds_lake_tests.infra.doctor.accounts import Account, databases, switch_recovery

Break = Callable[[Account], Iterator[None]]
QUEUE, RULE, ROLE, PIPELINE = "acme-events", "acme-events", "acme-export", "acme-pipeline"
EXPORTS, LAKE = "acme-exports", "acme-lake"
# With these, dates become readable all the same, or may.
DOUBTS = (
    "source.available", "role.drift", "queue.redrive", "queue.dead-letters", "catalogue.lake-formation", "topic.subscribed",
)  # fmt: skip
FIXABLE = ("bucket.events", "queue.policy", "rule.enabled")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """`does` breaks the account and mends it; `shown`: the finding that has to be there, and no other that does not stand on it."""

    said: str
    shown: Key
    does: Callable[[Account], Any]

    @property
    def verdict(self) -> Verdict:
        return Verdict.WARN if self.shown[0] in DOUBTS else Verdict.FAIL


def _fault(said: str, row: str, about: str) -> Callable[[Break], Break]:
    def add(does: Break) -> Break:
        FAULTS.append(Fault(said=said, shown=(row, about), does=contextmanager(does)))
        return does

    return add


FAULTS: list[Fault] = []


@_fault("the instance of a source is deleted", "source.exists", "shop")
def _no_instance(at: Account) -> Iterator[None]:
    at.root("rds").delete_db_instance(DBInstanceIdentifier="shop-prod", SkipFinalSnapshot=True)
    yield
    databases(at.cloud, at.config, only=("shop",))


@_fault("automated backups are off", "source.backups", "shop")
def _no_backups(at: Account) -> Iterator[None]:
    change = at.root("rds").modify_db_instance
    change(DBInstanceIdentifier="shop-prod", BackupRetentionPeriod=0, ApplyImmediately=True)
    yield
    change(DBInstanceIdentifier="shop-prod", BackupRetentionPeriod=7, ApplyImmediately=True)


@_fault("the instance has magnetic storage", "source.exportable", "shop")
def _magnetic(at: Account) -> Iterator[None]:
    change = at.root("rds").modify_db_instance
    change(DBInstanceIdentifier="shop-prod", StorageType="standard", ApplyImmediately=True)
    yield
    change(DBInstanceIdentifier="shop-prod", StorageType="gp3", ApplyImmediately=True)


@_fault("the instance is stopped", "source.available", "shop")
def _stopped(at: Account) -> Iterator[None]:
    at.root("rds").stop_db_instance(DBInstanceIdentifier="shop-prod")
    yield
    at.root("rds").start_db_instance(DBInstanceIdentifier="shop-prod")


@_fault("a table has no point-in-time recovery", "tables.recovery", "reviews")
def _no_recovery(at: Account) -> Iterator[None]:
    switch_recovery(at.root("dynamodb"), "Reviews", on=False)
    yield
    switch_recovery(at.root("dynamodb"), "Reviews", on=True)


@_fault("the bucket forbids the pipeline to write", "bucket.policy", LAKE)
def _bucket_policy(at: Account) -> Iterator[None]:
    s3 = at.root("s3")
    before = s3.get_bucket_policy(Bucket=LAKE)["Policy"]
    deny = {
        "Sid": "No",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{LAKE}/*",
    }
    policy = json.loads(before)
    s3.put_bucket_policy(Bucket=LAKE, Policy=json.dumps(policy | {"Statement": [*policy["Statement"], deny]}))
    yield
    s3.put_bucket_policy(Bucket=LAKE, Policy=before)


@_fault("the bucket encrypts with a key of somebody else", "bucket.encryption", LAKE)
def _bucket_key(at: Account) -> Iterator[None]:
    s3, key = at.root("s3"), at.root("kms").create_key()["KeyMetadata"]["Arn"]
    before = s3.get_bucket_encryption(Bucket=LAKE)["ServerSideEncryptionConfiguration"]
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    wanted = {"Rules": [{"ApplyServerSideEncryptionByDefault": default}]}
    s3.put_bucket_encryption(Bucket=LAKE, ServerSideEncryptionConfiguration=wanted)
    yield
    s3.put_bucket_encryption(Bucket=LAKE, ServerSideEncryptionConfiguration=before)


@_fault("the bucket of exports does not tell EventBridge", "bucket.events", EXPORTS)
def _bucket_silent(at: Account) -> Iterator[None]:
    s3 = at.root("s3")
    s3.put_bucket_notification_configuration(Bucket=EXPORTS, NotificationConfiguration={})
    yield
    wanted: Any = {"EventBridgeConfiguration": {}}
    s3.put_bucket_notification_configuration(Bucket=EXPORTS, NotificationConfiguration=wanted)


@_fault("the key is disabled", "key.state", "alias/acme")
def _key_disabled(at: Account) -> Iterator[None]:
    kms = at.root("kms")
    key = kms.describe_key(KeyId="alias/acme")["KeyMetadata"]["KeyId"]
    kms.disable_key(KeyId=key)
    yield
    kms.enable_key(KeyId=key)


def _key_without(at: Account, sid: str) -> Iterator[None]:
    """While the key's policy lacks the statement."""
    kms = at.root("kms")
    key = kms.describe_key(KeyId="alias/acme")["KeyMetadata"]["KeyId"]
    before = kms.get_key_policy(KeyId=key, PolicyName="default")["Policy"]
    policy = json.loads(before)
    kept = [one for one in policy["Statement"] if one["Sid"] != sid]
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(policy | {"Statement": kept}))
    yield
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=before)


@_fault("the key's policy does not let the account's policies count", "key.policy", "alias/acme")
def _key_policy(at: Account) -> Iterator[None]:
    yield from _key_without(at, "AccountAndItsPolicies")


@_fault("the key does not let alarms in, with which the topic is encrypted", "topic.key", "acme-alerts")
def _key_without_alarms(at: Account) -> Iterator[None]:
    yield from _key_without(at, "Alarms")


@_fault("the export role trusts somebody else", "role.trust", "export-role")
def _trust(at: Account) -> Iterator[None]:
    iam = at.root("iam")
    before = iam.get_role(RoleName=ROLE)["Role"]["AssumeRolePolicyDocument"]
    other = json.loads(json.dumps(before).replace("export.rds.amazonaws.com", "ec2.amazonaws.com"))
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(other))
    yield
    iam.update_assume_role_policy(RoleName=ROLE, PolicyDocument=json.dumps(before))


@contextmanager
def changed_policy(
    at: Account, role: str, change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]
) -> Iterator[None]:
    """The statements of a role's own policy, changed for a while."""
    iam = at.root("iam")
    before = iam.get_role_policy(RoleName=role, PolicyName="rds-lake")["PolicyDocument"]
    after = before | {"Statement": change(json.loads(json.dumps(before["Statement"])))}
    iam.put_role_policy(RoleName=role, PolicyName="rds-lake", PolicyDocument=json.dumps(after))
    yield
    iam.put_role_policy(RoleName=role, PolicyName="rds-lake", PolicyDocument=json.dumps(before))


def _without(sid: str) -> Callable[[list[dict[str, Any]]], list[dict[str, Any]]]:
    return lambda statements: [one for one in statements if one["Sid"] != sid]


@_fault("the export role may not write exports", "role.rights", "export-role WriteExports")
def _export_rights(at: Account) -> Iterator[None]:
    with changed_policy(at, ROLE, _without("WriteExports")):
        yield


@_fault("the pipeline may not pass the export role", "role.rights", "pipeline PassTheExportRole")
def _pass_role(at: Account) -> Iterator[None]:
    with changed_policy(at, PIPELINE, _without("PassTheExportRole")):
        yield


@_fault("the pipeline's policy is of an older lake.yaml", "role.drift", "pipeline")
def _drift(at: Account) -> Iterator[None]:
    old = {"Sid": "Old", "Effect": "Allow", "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::old-lake/*"]}
    with changed_policy(at, PIPELINE, lambda statements: [*statements, old]):
        yield


@contextmanager
def queue_attribute(at: Account, **changed: str) -> Iterator[None]:
    """Attributes of the events queue, changed for a while."""
    sqs = at.root("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes=changed)
    yield
    sqs.set_queue_attributes(QueueUrl=url, Attributes={key: before.get(key, "") for key in changed})


@_fault("the queue has no dead-letter queue", "queue.redrive", QUEUE)
def _no_redrive(at: Account) -> Iterator[None]:
    with queue_attribute(at, RedrivePolicy=""):
        yield


@_fault("the queue does not let one rule send", "queue.policy", f"{QUEUE}.backup")
def _queue_policy(at: Account) -> Iterator[None]:
    sqs = at.root("sqs")
    url = sqs.get_queue_url(QueueName=QUEUE)["QueueUrl"]
    policy = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])
    for one in policy["Statement"]:
        senders = one.get("Condition", {}).get("ArnEquals", {}).get("aws:SourceArn")
        if senders:
            one["Condition"]["ArnEquals"]["aws:SourceArn"] = [arn for arn in senders if not arn.endswith(".backup")]
    with queue_attribute(at, Policy=json.dumps(policy)):
        yield


@_fault("the queue is encrypted with AWS's own key", "queue.key", QUEUE)
def _queue_key(at: Account) -> Iterator[None]:
    with queue_attribute(at, KmsMasterKeyId="alias/aws/sqs"):
        yield


@_fault("a message is in the dead-letter queue", "queue.dead-letters", QUEUE)
def _dead_letter(at: Account) -> Iterator[None]:
    sqs = at.root("sqs")
    url = sqs.get_queue_url(QueueName=f"{QUEUE}-dead")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="?")
    yield
    sqs.purge_queue(QueueUrl=url)


@_fault("a rule is disabled", "rule.enabled", RULE)
def _disabled(at: Account) -> Iterator[None]:
    at.root("events").disable_rule(Name=RULE)
    yield
    at.root("events").enable_rule(Name=RULE)


@_fault("a rule takes events of instances alone", "rule.pattern", RULE)
def _pattern(at: Account) -> Iterator[None]:
    events = at.root("events")
    before = events.describe_rule(Name=RULE)["EventPattern"]
    narrow = json.dumps(json.loads(before) | {"detail-type": ["RDS DB Snapshot Event"]})
    events.put_rule(Name=RULE, EventPattern=narrow, State="ENABLED")
    yield
    events.put_rule(Name=RULE, EventPattern=before, State="ENABLED")


@_fault("a rule sends to another queue", "rule.target", RULE)
def _target(at: Account) -> Iterator[None]:
    events = at.root("events")
    before = events.list_targets_by_rule(Rule=RULE)["Targets"]
    other = before[0] | {"Arn": before[0]["Arn"].replace("acme-events", "others")}
    events.put_targets(Rule=RULE, Targets=[other])
    yield
    events.put_targets(Rule=RULE, Targets=before)


@_fault("the workgroup writes results outside of the lake", "workgroup.output", "acme")
def _workgroup(at: Account) -> Iterator[None]:
    athena = at.root("athena")
    before = athena.get_work_group(WorkGroup="acme")["WorkGroup"]["Configuration"]
    for settings in (before | {"ResultConfiguration": {"OutputLocation": "s3://others/results/"}}, before):
        athena.delete_work_group(WorkGroup="acme", RecursiveDeleteOption=True)
        athena.create_work_group(Name="acme", Configuration=settings)
        if settings is not before:
            yield


@_fault("Lake Formation governs new tables", "catalogue.lake-formation", "")
def _governed(at: Account) -> Iterator[None]:
    formation = at.root("lakeformation")
    before = formation.get_data_lake_settings()["DataLakeSettings"]
    formation.put_data_lake_settings(DataLakeSettings=before | {"CreateTableDefaultPermissions": []})
    yield
    formation.put_data_lake_settings(DataLakeSettings=before)


@_fault("nobody hears of failures", "topic.subscribed", "acme-alerts")
def _unsubscribed(at: Account) -> Iterator[None]:
    sns, topic = at.root("sns"), at.config.lake.notifications
    for one in sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]:
        sns.unsubscribe(SubscriptionArn=one["SubscriptionArn"])
    yield
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="ops@acme.example")
