"""The policy of the user or role that runs `rds-lake doctor`.

It may read settings and leases, but no data, and it may change nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from rds_lake.config.database import Aurora, Rds
from rds_lake.config.dynamodb import is_table_name
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.events import event_patterns, input_folders
from rds_lake.infra.policy.deployed import name_prefix
from rds_lake.infra.policy.document import INLINE_LIMIT, PolicyDocument, Resource, Statement, anything, fixed
from rds_lake.infra.policy.names import Names, find_key
from rds_lake.infra.policy.streams.capture import CALLER_ROLE, FUNCTION_ROLE, STREAM_ROLE, calling_sources
from rds_lake.infra.policy.widen import fitted
from rds_lake.infra.queue import DEAD_SUFFIX
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.warehouse.names import stem_of


def doctor_policy(config: LakeConfig, names: Names, *, limit: int = INLINE_LIMIT) -> PolicyDocument:
    """Returns the IAM policy for the doctor's calls for exactly this lake.yaml."""
    every = (_databases, _tables, _buckets, _key, _roles, _queues, _rules, _topic, _athena, _glue_job, _warehouses)
    return fitted([statement for part in every for statement in part(config, names)], limit)


def _databases(config: LakeConfig, names: Names) -> Iterator[Statement]:
    instances = [source.identifier.lower() for source in config.databases if isinstance(source, Rds)]
    clusters = [source.identifier.lower() for source in config.databases if isinstance(source, Aurora)]
    if instances:
        yield Statement(
            sid="SeeInstances",
            reason="See the engine, class, storage and backups of instances.",
            actions=("rds:DescribeDBInstances",),
            resources=names.named("rds", "db:", instances),
        )
    if clusters:
        yield Statement(
            sid="SeeClusters",
            reason="See the engine, mode and backups of clusters.",
            actions=("rds:DescribeDBClusters",),
            resources=names.named("rds", "cluster:", clusters),
        )
    if config.databases:
        kinds = ("cluster", "cluster-snapshot", "snapshot")
        yield Statement(
            sid="CountExports",
            reason="See how many exports of the account are in progress.",
            actions=("rds:DescribeExportTasks",),
            resources=fixed(*(names.arn("rds", f"{kind}:*") for kind in kinds)),
        )


def _tables(config: LakeConfig, names: Names) -> Iterator[Statement]:
    if not config.dynamodb:
        return
    patterns = any(not is_table_name(table) for source in config.dynamodb for table in source.tables)
    if patterns:
        yield Statement(
            sid="FindTables",
            reason="List the account's tables, to find those that a pattern of lake.yaml matches.",
            actions=("dynamodb:ListTables",),
            resources=anything(),
        )
    tables = [_iam_pattern(table) for source in config.dynamodb for table in source.tables]
    yield Statement(
        sid="SeeTables",
        reason="See that tables are there, and whether point-in-time recovery is on.",
        actions=("dynamodb:DescribeContinuousBackups", "dynamodb:DescribeTable"),
        resources=names.named("dynamodb", "table/", tables),
    )


def _iam_pattern(table: str) -> str:
    """Returns the table's name, or the beginning of a pattern followed by `*`."""
    beginning = next((at for at, character in enumerate(table) if character in "*?["), None)
    return table if beginning is None else f"{table[:beginning]}*"


def _buckets(config: LakeConfig, names: Names) -> Iterator[Statement]:
    buckets = dict.fromkeys((config.lake.bucket, config.lake.exports_bucket))
    yield Statement(
        sid="SeeBuckets",
        reason="See the buckets' Region, policy and encryption, and whether they send events to EventBridge.",
        actions=("s3:GetBucketNotification", "s3:GetBucketPolicy", "s3:GetEncryptionConfiguration", "s3:ListBucket"),
        resources=fixed(*(names.bucket(bucket) for bucket in buckets)),
    )


def _key(config: LakeConfig, names: Names) -> Iterator[Statement]:
    key = find_key(config.lake, names)
    if key is None:
        return
    yield Statement(
        sid="SeeTheKey",
        reason="See the key's state, policy and grants.",
        actions=("kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListGrants"),
        resources=key.resources,
        conditions=key.condition,
    )
    yield Statement(
        sid="SeeAliases",
        reason="See the aliases of the key. IAM has no narrower resource for this action.",
        actions=("kms:ListAliases",),
        resources=anything(),
    )


def _roles(config: LakeConfig, names: Names) -> Iterator[Statement]:
    lake, prefix = config.lake, names.prefix or name_prefix(config.lake)
    own = ["pipeline", *((FUNCTION_ROLE, STREAM_ROLE, CALLER_ROLE) if calling_sources(config) else ())]
    roles = [f"arn:{names.partition}:iam::{names.account}:role/{prefix}-{role}" for role in own]
    roles += [role for role in (lake.export_role, lake.glue_role if config.has_glue_job else None) if role]
    yield Statement(
        sid="SeeRoles",
        reason="See which principals the roles trust and what the roles may do.",
        actions=("iam:GetRole", "iam:GetRolePolicy", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"),
        resources=fixed(*roles),
    )
    own_policies, of_aws = (f"arn:{names.partition}:iam::{owner}:policy/*" for owner in (names.account, "aws"))
    yield Statement(
        sid="SeeManagedPolicies",
        reason="Read the managed policies and the permissions boundaries that are attached to the roles.",
        actions=("iam:GetPolicy", "iam:GetPolicyVersion"),
        resources=fixed(own_policies, of_aws),
    )


def _queues(config: LakeConfig, names: Names) -> Iterator[Statement]:
    name = config.lake.events_queue
    yield Statement(
        sid="SeeQueues",
        reason="See who may send to the events queue, and its dead-letter queue.",
        actions=("sqs:GetQueueAttributes", "sqs:GetQueueUrl"),
        resources=fixed(names.arn("sqs", name), names.arn("sqs", f"{name}{DEAD_SUFFIX}")),
    )
    yield Statement(
        sid="FindConsumers",
        reason="Find functions of Lambda that receive from the events queue as well. IAM has no narrower resource for this action.",
        actions=("lambda:ListEventSourceMappings",),
        resources=anything(),
    )


def _rules(config: LakeConfig, names: Names) -> Iterator[Statement]:
    lake = config.lake
    exports, job = lake.exports_bucket if config.has_dynamodb else None, lake.glue_job if config.has_glue_job else None
    rules = event_patterns(lake.events_queue, exports_bucket=exports, glue_job=job, inputs=input_folders(config))
    yield Statement(
        sid="SeeRules",
        reason="See the rules' patterns, state and targets.",
        actions=("events:DescribeRule", "events:ListTargetsByRule"),
        resources=fixed(*(names.arn("events", f"rule/{rule}") for rule in rules)),
    )
    yield Statement(
        sid="SeeFailures",
        reason="See how many events could not be delivered. IAM has no narrower resource for this action.",
        actions=("cloudwatch:GetMetricStatistics",),
        resources=anything(),
    )


def _topic(config: LakeConfig, names: Names) -> Iterator[Statement]:
    if config.lake.notifications:
        yield Statement(
            sid="SeeTheTopic",
            reason="See who may publish to the topic of failures, and who has subscribed.",
            actions=("sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic"),
            resources=fixed(names.topic_arn or config.lake.notifications),
        )


def _athena(config: LakeConfig, names: Names) -> Iterator[Statement]:
    queried = [source.name for source in config.sources if source.athena]
    if not queried:
        return
    yield Statement(
        sid="SeeTheWorkgroup",
        reason="See the workgroup's engine, location of results and limit.",
        actions=("athena:GetWorkGroup",),
        resources=fixed(names.arn("athena", f"workgroup/{config.lake.workgroup}")),
    )
    databases: tuple[Resource, ...] = names.named("glue", "database/", queried)
    yield Statement(
        sid="SeeDatabases",
        reason="See the sources' Glue databases.",
        actions=("glue:GetDatabase",),
        resources=(*fixed(names.arn("glue", "catalog")), *databases),
    )
    yield Statement(
        sid="SeeLakeFormation",
        reason="See whether Lake Formation governs new tables. IAM has no narrower resource for this action.",
        actions=("lakeformation:GetDataLakeSettings",),
        resources=anything(),
    )


def _glue_job(config: LakeConfig, names: Names) -> Iterator[Statement]:
    if config.has_glue_job:
        yield Statement(
            sid="SeeTheJob",
            reason="See the job that converts large tables.",
            actions=("glue:GetJob",),
            resources=fixed(names.arn("glue", f"job/{config.lake.glue_job}")),
        )


def _warehouses(config: LakeConfig, names: Names) -> Iterator[Statement]:
    """Leases are the only objects that the doctor reads.

    Long: statements of a policy, one after the other.
    """
    if not config.warehouses:
        return
    lake = config.lake
    layout = LakeLayout(bucket=lake.bucket, prefix=lake.prefix)
    yield Statement(
        sid="SeeLeases",
        reason="Read the warehouses' leases: who has each, and until when.",
        actions=("s3:GetObject",),
        resources=fixed(
            *(f"{names.bucket(lake.bucket)}/{layout.warehouse_lease_key(each.name)}" for each in config.warehouses)
        ),
    )
    made = [each for each in config.warehouses if each.mode != "existing"]
    if made:
        yield Statement(
            sid="FindStacks",
            reason="List the names of stacks, to find one that no lease names. IAM has no narrower resource for this action.",
            actions=("cloudformation:ListStacks",),
            resources=anything(),
        )
        yield Statement(
            sid="SeeStacks",
            reason="See which lake the stacks of warehouses belong to.",
            actions=("cloudformation:DescribeStacks",),
            resources=fixed(*(names.arn("cloudformation", f"stack/{stem_of(each.name)}-*/*") for each in made)),
        )
    own = (lake.bucket, lake.exports_bucket)
    inputs = dict.fromkeys(folder.removeprefix("s3://").partition("/")[0] for folder in input_folders(config))
    if others := [bucket for bucket in inputs if bucket not in own]:
        yield Statement(
            sid="SeeInputBuckets",
            reason="See whether the buckets of `input:` send events of new objects to EventBridge.",
            actions=("s3:GetBucketNotification",),
            resources=fixed(*(names.bucket(bucket) for bucket in others)),
        )
