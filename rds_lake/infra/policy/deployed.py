"""The resources of the lake's stack, by CloudFormation type, with the ARNs that they have or will have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rds_lake.config.lake_yaml import LakeConfig, LakeSettings
from rds_lake.infra.events import event_patterns, input_folders
from rds_lake.infra.policy.document import Resource, fixed
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.streams.capture import (
    CALLER_ROLE,
    FUNCTION_ROLE,
    STREAM_ROLE,
    calling_sources,
    function_names,
    stream_name,
)
from rds_lake.infra.policy.streams.forwarder import FORWARD_RULE, FORWARDER, scheduled_sources

# A role's name has at most 64 characters, and the longest suffix that rds-lake adds has ten.
LONGEST_PREFIX = 40
PREFIX_PATTERN = f"^[A-Za-z0-9][A-Za-z0-9-]{{0,{LONGEST_PREFIX - 1}}}$"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """Resources of some types, for one statement."""

    sid: str
    reason: str
    types: tuple[str, ...]
    resources: tuple[Resource, ...]


def name_prefix(settings: LakeSettings) -> str:
    """Returns the prefix of names that lake.yaml does not set: the queue's name without `-events`; two lakes never share a queue."""
    return (
        settings.events_queue.removesuffix("-events").replace("_", "-").strip("-")[:LONGEST_PREFIX].rstrip("-")
        or "rds-lake"
    )


def _prefix(config: LakeConfig, names: Names) -> str:
    return names.prefix or name_prefix(config.lake)


def deployed(config: LakeConfig, names: Names) -> Iterator[Deployed]:
    """Returns every resource that the stack may create for this lake.yaml."""
    lake = config.lake
    yield Deployed(
        sid="DeployBuckets",
        reason="The lake's buckets and their policies.",
        types=("AWS::S3::Bucket", "AWS::S3::BucketPolicy"),
        resources=fixed(*dict.fromkeys((names.bucket(lake.bucket), names.bucket(lake.exports_bucket)))),
    )
    yield from _events(config, names)
    yield Deployed(
        sid="DeployRoles",
        reason="The roles, with what they may do, and the profile of an EC2 instance.",
        types=("AWS::IAM::Role", "AWS::IAM::InstanceProfile"),
        resources=fixed(*_roles(config, names)),
    )
    yield from _encrypted(config, names)
    yield from _athena(config, names)
    yield from _glue_job(config, names)
    yield from _backup(config, names)
    yield from _capture(config, names)
    yield from _forwarder(config, names)


def _events(config: LakeConfig, names: Names) -> Iterator[Deployed]:
    lake, prefix = config.lake, _prefix(config, names)
    queues = (lake.events_queue, f"{lake.events_queue}-dead", f"{prefix}-undelivered")
    yield Deployed(
        sid="DeployQueues",
        reason="The events queue, and the queues of events that cannot be read or delivered.",
        types=("AWS::SQS::Queue", "AWS::SQS::QueuePolicy"),
        resources=fixed(*(names.arn("sqs", queue) for queue in queues)),
    )
    job = lake.glue_job if config.has_glue_job else None
    exports = lake.exports_bucket if config.has_dynamodb else None
    rules = event_patterns(lake.events_queue, exports_bucket=exports, glue_job=job, inputs=input_folders(config))
    yield Deployed(
        sid="DeployRules",
        reason="The rules that send events to the queue.",
        types=("AWS::Events::Rule",),
        resources=fixed(*(names.arn("events", f"rule/{rule}") for rule in rules)),
    )
    yield Deployed(
        sid="DeployAlarms",
        reason="The alarms of the queues and rules.",
        types=("AWS::CloudWatch::Alarm",),
        resources=fixed(names.arn("cloudwatch", f"alarm:{prefix}-*")),
    )


def roles_passed(config: LakeConfig, names: Names) -> Iterator[tuple[str, str, str]]:
    """Returns Sid, service and role's ARN of each role that the stack passes to a service."""
    if config.has_glue_job and config.lake.glue_role:
        yield "PassTheJobRole", "glue.amazonaws.com", names.glue_role_arn or config.lake.glue_role
    if _backed_up(config):
        yield "PassTheBackupRole", "backup.amazonaws.com", _iam(names, f"role/{_prefix(config, names)}-backup")
    if calling_sources(config):
        yield "PassTheFunctionsRole", "lambda.amazonaws.com", _own_role(config, names, FUNCTION_ROLE)
        yield "PassTheStreamsRole", "firehose.amazonaws.com", _own_role(config, names, STREAM_ROLE)
    if scheduled_sources(config):
        yield "PassTheForwardersRole", "lambda.amazonaws.com", _own_role(config, names, FORWARDER)
    # An instance profile hands its role to EC2.
    yield "PassThePipelineRole", "ec2.amazonaws.com", _iam(names, f"role/{_prefix(config, names)}-pipeline")


def _roles(config: LakeConfig, names: Names) -> Iterator[str]:
    prefix, lake = _prefix(config, names), config.lake
    yield from (_iam(names, f"role/{prefix}-pipeline"), _iam(names, f"instance-profile/{prefix}-pipeline"))
    if config.databases and lake.export_role:
        yield names.export_role_arn or lake.export_role
    if config.has_glue_job and lake.glue_role:
        yield names.glue_role_arn or lake.glue_role
    if _backed_up(config):
        yield _iam(names, f"role/{prefix}-backup")
    if calling_sources(config):
        yield from (_own_role(config, names, role) for role in (FUNCTION_ROLE, STREAM_ROLE, CALLER_ROLE))
    if scheduled_sources(config):
        yield _own_role(config, names, FORWARDER)


def _encrypted(config: LakeConfig, names: Names) -> Iterator[Deployed]:
    lake = config.lake
    if lake.kms_key is not None:
        alias = lake.kms_key.rpartition("alias/")[2] if "alias/" in lake.kms_key else name_prefix(lake)
        keys = fixed(names.arn("kms", "key/*"))
        yield Deployed(
            sid="DeployTheKey",
            reason="The lake's key and its alias. AWS chooses a key's id, so this is allowed for all keys of the account.",
            types=("AWS::KMS::Key", "AWS::KMS::Alias"),
            resources=(*keys, *fixed(names.arn("kms", f"alias/{alias}"))),
        )
    if lake.notifications is not None:
        yield Deployed(
            sid="DeployTheTopic",
            reason="The topic of failures, who may send to it, and its e-mail.",
            types=("AWS::SNS::Topic", "AWS::SNS::TopicPolicy", "AWS::SNS::Subscription"),
            resources=fixed(names.topic_arn or lake.notifications),
        )


def _athena(config: LakeConfig, names: Names) -> Iterator[Deployed]:
    sources = [source.name for source in config.sources if source.athena]
    if not sources:
        return
    yield Deployed(
        sid="DeployTheWorkgroup",
        reason="The workgroup of Athena.",
        types=("AWS::Athena::WorkGroup",),
        resources=fixed(names.arn("athena", f"workgroup/{config.lake.workgroup}")),
    )
    yield Deployed(
        sid="DeployDatabases",
        reason="A database of Glue for each source. Deleting a database deletes its tables.",
        types=("AWS::Glue::Database",),
        resources=(
            *fixed(names.arn("glue", "catalog")),
            *names.named("glue", "database/", sources),
            *names.named("glue", "table/", [f"{source}/*" for source in sources]),
            *names.named("glue", "userDefinedFunction/", [f"{source}/*" for source in sources]),
        ),
    )


def _glue_job(config: LakeConfig, names: Names) -> Iterator[Deployed]:
    if config.has_glue_job:
        yield Deployed(
            sid="DeployTheJob",
            reason="The Glue job that converts large tables.",
            types=("AWS::Glue::Job", "AWS::Glue::SecurityConfiguration"),
            resources=fixed(names.arn("glue", f"job/{config.lake.glue_job}")),
        )


def _backup(config: LakeConfig, names: Names) -> Iterator[Deployed]:
    if not _backed_up(config):
        return
    prefix = _prefix(config, names)
    vault = fixed(names.arn("backup", f"backup-vault:{prefix}-backups"))
    yield Deployed(
        sid="DeployTheVault",
        reason="A vault of AWS Backup, and the grant by which Backup uses the lake's key for it.",
        types=("AWS::Backup::BackupVault",),
        resources=(*vault, *(fixed(names.arn("kms", "key/*")) if config.lake.kms_key else ())),
    )
    yield Deployed(
        sid="DeployThePlan",
        reason="The plan of AWS Backup and its selection. AWS chooses a plan's id, so this is allowed for all plans.",
        types=("AWS::Backup::BackupPlan", "AWS::Backup::BackupSelection"),
        resources=fixed(names.arn("backup", "backup-plan:*")),
    )


def _capture(config: LakeConfig, names: Names) -> Iterator[Deployed]:
    """Returns functions, their logs, and delivery streams."""
    functions, prefix = function_names(config), _prefix(config, names)
    if not functions:
        return
    yield Deployed(
        sid="DeployFunctions",
        reason="The function that triggers call, and how its events are retried.",
        types=("AWS::Lambda::Function", "AWS::Lambda::EventInvokeConfig"),
        resources=fixed(*(names.arn("lambda", f"function:{name}") for name in functions)),
    )
    yield Deployed(
        sid="DeployLogs",
        reason="The log groups of the functions.",
        types=("AWS::Logs::LogGroup",),
        # AWS checks some actions on the group's ARN with `:*`.
        # https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
        resources=fixed(
            *(names.arn("logs", f"log-group:/aws/lambda/{name}{end}") for name in functions for end in ("", ":*"))
        ),
    )
    yield Deployed(
        sid="DeployStreams",
        reason="A delivery stream for each source whose triggers call a function.",
        types=("AWS::KinesisFirehose::DeliveryStream",),
        resources=names.named(
            "firehose",
            f"deliverystream/{stream_name(prefix, '')}",
            [source.name for source in calling_sources(config)],
        ),
    )


def _forwarder(config: LakeConfig, names: Names) -> Iterator[Deployed]:
    """Returns the function that forwards outboxes, its log and its schedule."""
    if not scheduled_sources(config):
        return
    name = f"{_prefix(config, names)}-{FORWARDER}"
    yield Deployed(
        sid="DeployForwarder",
        reason="The function that forwards outboxes, who may invoke it, and how often a failed invocation is repeated.",
        types=("AWS::Lambda::Function", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::Permission"),
        resources=fixed(names.arn("lambda", f"function:{name}")),
    )
    yield Deployed(
        sid="DeployForwardersLog",
        reason="The log group of that function.",
        types=("AWS::Logs::LogGroup",),
        resources=fixed(*(names.arn("logs", f"log-group:/aws/lambda/{name}{end}") for end in ("", ":*"))),
    )
    yield Deployed(
        sid="DeploySchedule",
        reason="The rule that invokes the function every few minutes.",
        types=("AWS::Events::Rule",),
        resources=fixed(names.arn("events", f"rule/{_prefix(config, names)}-{FORWARD_RULE}")),
    )


def _own_role(config: LakeConfig, names: Names, role: str) -> str:
    return _iam(names, f"role/{_prefix(config, names)}-{role}")


def _backed_up(config: LakeConfig) -> bool:
    return any("backup" in source.snapshots for source in config.databases)


def _iam(names: Names, resource: str) -> str:
    return f"arn:{names.partition}:iam::{names.account}:{resource}"
