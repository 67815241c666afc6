"""Create what a lake needs and does not have yet; what exists is left as it is.

Buckets, KMS alias, export role, queue with dead-letter queue, EventBridge rules, Athena workgroup, SNS topic: plain
API calls, each safe to repeat. `rds-lake setup` runs this against AWS, `make demo` against the local cloud. One small
function per AWS object; none of them deletes anything, or changes what exists.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.translate import aws_errors
from rds_lake.config.lake_yaml import LakeSettings
from rds_lake.errors import AwsError, ConfigError
from rds_lake.infra.account import Account, find_account, require_own
from rds_lake.infra.events import event_patterns
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.service_roles import export_policy_of, export_role_trust
from rds_lake.infra.provision_job import JobProvisioner
from rds_lake.infra.provision_rules import RuleProvisioner
from rds_lake.infra.queue import DEAD_SUFFIX, KEEP_SECONDS, MAX_RECEIVES, VISIBILITY_SECONDS
from rds_lake.infra.roles import Role, ensure_role
from rds_lake.model.aws.arn import parse_arn
from rds_lake.model.lake.layout import LakeLayout


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioner:
    """Creates in an account what the lake's settings name; `say` gets one line per object.

    `dynamodb`: the lake has sources of DynamoDB. `glue_job`: some of them are converted by Glue.
    """

    clients: AwsClients
    settings: LakeSettings
    say: Callable[[str], None]
    dynamodb: bool = False
    glue_job: bool = False

    def apply(self) -> None:
        """Create everything, each object before those that refer to it.

        ConfigError before the first call that creates something, where an ARN of lake.yaml is another account's.
        """
        account = find_account(self.clients)
        require_own(account, self.settings)
        for bucket in sorted({self.settings.bucket, self.settings.exports_bucket}):
            self._bucket(bucket)
        if self.settings.kms_key is not None:
            self._kms_alias(self.settings.kms_key)
        if self.settings.export_role is not None:
            self._export_role(self.settings.export_role)
        if self.dynamodb:
            self._object_events(self.settings.exports_bucket)
        self._rules(self._queue())
        self._workgroup()
        self._topic(account)
        if self.glue_job:
            JobProvisioner(clients=self.clients, settings=self.settings, say=self.say).apply()

    def _bucket(self, name: str) -> None:
        s3 = self.clients.s3
        try:
            with aws_errors("s3", "HeadBucket", about=name):
                s3.head_bucket(Bucket=name)
            self.say(f"bucket {name} exists")
            return
        except AwsError as error:
            if error.code in ("403", "301"):
                raise ConfigError(
                    f"bucket {name} exists, but belongs to another account, is in another Region, or may not be read with these "
                    "credentials: choose another name in lake.yaml, or let these credentials use the bucket"
                ) from error
            if error.code not in ("404", "NoSuchBucket"):
                raise
        region = s3.meta.region_name
        # S3 refuses us-east-1 as a LocationConstraint, and requires every other Region to be named:
        # https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
        location = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        with aws_errors("s3", "CreateBucket", about=name):
            s3.create_bucket(Bucket=name, **location)  # type: ignore[arg-type]
        with aws_errors("s3", "PutPublicAccessBlock"):
            s3.put_public_access_block(
                Bucket=name,
                PublicAccessBlockConfiguration={
                    "BlockPublicAcls": True,
                    "IgnorePublicAcls": True,
                    "BlockPublicPolicy": True,
                    "RestrictPublicBuckets": True,
                },
            )
        self.say(f"bucket {name} created")

    def _object_events(self, bucket: str) -> None:
        """Have S3 send events of new objects to EventBridge; the bucket's other notifications stay as they are."""
        s3 = self.clients.s3
        with aws_errors("s3", "GetBucketNotificationConfiguration", about=bucket):
            present = dict(s3.get_bucket_notification_configuration(Bucket=bucket))
        present.pop("ResponseMetadata", None)
        if "EventBridgeConfiguration" in present:
            self.say(f"bucket {bucket} sends events of its objects to EventBridge")
            return
        wanted: Any = present | {"EventBridgeConfiguration": {}}
        with aws_errors("s3", "PutBucketNotificationConfiguration", about=bucket):
            s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=wanted)
        self.say(f"bucket {bucket} sends events of its objects to EventBridge from now on")

    def _kms_alias(self, alias: str) -> None:
        kms = self.clients.client("kms")
        try:
            with aws_errors("kms", "DescribeKey"):
                kms.describe_key(KeyId=alias)
            self.say(f"KMS key {alias} exists")
            return
        except AwsError as error:
            if error.code != "NotFoundException" or not alias.startswith("alias/"):
                raise
        with aws_errors("kms", "CreateKey"):
            key = kms.create_key(Description="rds-lake: exports and relocated Parquet")["KeyMetadata"]["KeyId"]
        with aws_errors("kms", "CreateAlias"):
            kms.create_alias(AliasName=alias, TargetKeyId=key)
        self.say(f"KMS key {alias} created")

    def _export_role(self, role_arn: str) -> None:
        arn = parse_arn(role_arn)
        names = Names(partition=arn.partition, region=self.clients.s3.meta.region_name, account=arn.account)
        role = Role(
            name=arn.resource.rsplit("/", 1)[-1],
            trust=export_role_trust(),
            policy_name="rds-lake-export",
            policy=export_policy_of(self.settings, names).as_dict(),
        )
        ensure_role(self.clients.client("iam"), role, self.say)

    def _queue(self) -> tuple[str, str]:
        """URL and ARN of the events queue, with its dead-letter queue."""
        name = self.settings.events_queue
        _, dead_letters = self._ensure_queue(f"{name}{DEAD_SUFFIX}", {"MessageRetentionPeriod": str(KEEP_SECONDS)})
        redrive = {"deadLetterTargetArn": dead_letters, "maxReceiveCount": MAX_RECEIVES}
        return self._ensure_queue(
            name,
            {
                "VisibilityTimeout": str(VISIBILITY_SECONDS),
                "MessageRetentionPeriod": str(KEEP_SECONDS),
                "RedrivePolicy": json.dumps(redrive),
            },
        )

    def _ensure_queue(self, name: str, attributes: dict[str, str]) -> tuple[str, str]:
        sqs = self.clients.sqs
        try:
            with aws_errors("sqs", "GetQueueUrl"):
                url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            self._say_existing(name, url, wanted=attributes)
        except AwsError as error:
            if "NonExistentQueue" not in error.code and "QueueDoesNotExist" not in error.code:
                raise
            with aws_errors("sqs", "CreateQueue"):
                url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]  # type: ignore[arg-type]
            self.say(f"queue {name} created")
        with aws_errors("sqs", "GetQueueAttributes"):
            arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        return url, arn

    def _say_existing(self, name: str, url: str, *, wanted: dict[str, str]) -> None:
        """Say that the queue exists, and whether it lacks a dead-letter queue; it is left as it is."""
        with aws_errors("sqs", "GetQueueAttributes", about=name):
            present = self.clients.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        lacks = ", without a dead-letter queue: a message that cannot be read is delivered again and again"
        self.say(f"queue {name} exists{lacks if 'RedrivePolicy' in wanted.keys() - present.keys() else ''}")

    def _rules(self, queue: tuple[str, str]) -> None:
        patterns = event_patterns(
            self.settings.events_queue,
            exports_bucket=self.settings.exports_bucket if self.dynamodb else None,
            glue_job=self.settings.glue_job if self.glue_job else None,
        )
        RuleProvisioner(clients=self.clients, say=self.say).apply(patterns, queue=queue)

    def _workgroup(self) -> None:
        athena = self.clients.athena
        name = self.settings.workgroup
        try:
            with aws_errors("athena", "GetWorkGroup"):
                present = athena.get_work_group(WorkGroup=name).get("WorkGroup")
        except AwsError as error:
            if error.code != "InvalidRequestException":
                raise
            present = None
        if present:
            self.say(f"Athena workgroup {name} exists")
            return
        layout = LakeLayout(bucket=self.settings.bucket, prefix=self.settings.prefix)
        with aws_errors("athena", "CreateWorkGroup"):
            athena.create_work_group(
                Name=name,
                Configuration={"ResultConfiguration": {"OutputLocation": layout.athena_results()}},
            )
        self.say(f"Athena workgroup {name} created")

    def _topic(self, account: Account) -> None:
        if self.settings.notifications is None:
            return
        arn = parse_arn(self.settings.notifications)
        if not account.owns(arn):
            self.say(
                f"SNS topic {arn} belongs to account {arn.account} and is not created here; its policy must let this account publish"
            )
            return
        with aws_errors("sns", "CreateTopic", about=arn.resource):
            made = self.clients.sns.create_topic(Name=arn.resource)["TopicArn"]
        if made != str(arn):
            raise ConfigError(
                f"notifications: AWS created the topic {made}, but lake.yaml names {arn}; correct lake.yaml"
            )
        self.say(f"SNS topic {arn.resource} exists")
