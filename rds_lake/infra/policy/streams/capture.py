"""Permissions for `capture: lambda`: the roles of the function, of Firehose, and of databases that call functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rds_lake.config.database import Database
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.document import INLINE_LIMIT, PolicyDocument, Resource, Statement, fixed
from rds_lake.infra.policy.names import Names, find_key
from rds_lake.infra.policy.widen import fitted
from rds_lake.model.aws.arn import parse_arn
from rds_lake.model.lake.layout import LakeLayout

# Names after `NamePrefix-`: the roles of the function, of Firehose, and of the databases that call the function.
FUNCTION_ROLE, STREAM_ROLE, CALLER_ROLE = "capture", "changes", "capture-calls"
PACKAGES = "_streams"  # folder of the lake for the function's package
_RECORDS = "aws/lambda/async"  # Lambda's own folder, at the root of the bucket


def calling_sources(config: LakeConfig) -> tuple[Database, ...]:
    """Returns the sources whose triggers call a function."""
    return tuple(source for source in config.databases if source.streams and source.streams.capture == "lambda")


def called_functions(config: LakeConfig) -> Mapping[str, tuple[str, ...]]:
    """Returns name of each function, with its alias if lake.yaml has one (`changes:live`) -> the sources that call it."""
    functions: dict[str, tuple[str, ...]] = {}
    for source in calling_sources(config):
        assert source.streams and source.streams.function, "config/streams_rules.py refuses it without"
        name = parse_arn(source.streams.function).resource.removeprefix("function:")
        functions[name] = (*functions.get(name, ()), source.name)
    return functions


def function_names(config: LakeConfig) -> tuple[str, ...]:
    """Returns the names of the functions, without aliases."""
    return tuple(dict.fromkeys(name.partition(":")[0] for name in called_functions(config)))


def stream_name(prefix: str, source: str) -> str:
    """Returns the name of the source's delivery stream."""
    return f"{prefix}-changes-{source}"


def function_policy(config: LakeConfig, names: Names, prefix: str) -> PolicyDocument:
    """Returns the function's policy, without a statement if no source calls one. `prefix`: of the streams' names.

    https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
    """
    if not (functions := function_names(config)):
        return PolicyDocument(statements=())
    bucket = config.lake.bucket
    sources = [source.name for source in calling_sources(config)]
    statements = [
        Statement(
            sid="HandOverChanges",
            reason="Send changes to the sources' delivery streams.",
            actions=("firehose:PutRecordBatch",),
            resources=names.named("firehose", f"deliverystream/{stream_name(prefix, '')}", sources),
        ),
        Statement(
            sid="KeepFailedEvents",
            reason="Lambda writes events that failed three times, as the function's role.",
            actions=("s3:PutObject",),
            resources=fixed(*(names.objects(bucket, f"{_RECORDS}/{name}") for name in functions)),
        ),
        Statement(
            sid="FindTheBucket",
            reason="Lambda checks the bucket of failed events.",
            actions=("s3:ListBucket",),
            resources=fixed(names.bucket(bucket)),
            conditions={"StringLikeIfExists": {"s3:prefix": f"{_RECORDS}/*"}},
        ),
        Statement(
            sid="WriteLogs",
            reason="Lambda writes the function's output as its role.",
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            resources=fixed(*(names.arn("logs", f"log-group:/aws/lambda/{name}:log-stream:*") for name in functions)),
        ),
    ]
    return fitted((*statements, *_encrypt(config, names)), INLINE_LIMIT)


def stream_policy(config: LakeConfig, names: Names) -> PolicyDocument:
    """Returns Firehose's policy: write below the sources' folders, and nothing else in the lake.

    AWS's page also allows reading the objects, which a stream without backup never does.
    https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html#using-iam-s3
    """
    if not calling_sources(config):
        return PolicyDocument(statements=())
    layout = LakeLayout(bucket=config.lake.bucket, prefix=config.lake.prefix)
    bucket = names.bucket(config.lake.bucket)
    folders = [
        folder
        for source in calling_sources(config)
        for folder in (layout.arrived_folder(source.name), layout.refused_folder(source.name))
    ]
    statements = [
        Statement(
            sid="WriteChanges",
            reason="Write objects of changes, and records that Firehose could not process.",
            actions=("s3:AbortMultipartUpload", "s3:PutObject"),
            resources=tuple(Resource(stem=f"{bucket}/", name=f"{folder}*") for folder in folders),
        ),
        Statement(
            sid="FindTheBucket",
            reason="Firehose checks the bucket, and looks for uploads that it began.",
            actions=("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"),
            resources=fixed(bucket),
        ),
    ]
    return fitted((*statements, *_encrypt(config, names)), INLINE_LIMIT)


def caller_policy(config: LakeConfig, names: Names) -> PolicyDocument:
    """Returns the policy of the role that a person associates with databases: they may call the functions."""
    if not calling_sources(config):
        return PolicyDocument(statements=())
    call = Statement(
        sid="CallTheFunction",
        reason="Triggers call the function for each change.",
        actions=("lambda:InvokeFunction",),
        resources=fixed(*(names.arn("lambda", f"function:{name}") for name in called_functions(config))),
    )
    return PolicyDocument(statements=(call,))


def _encrypt(config: LakeConfig, names: Names) -> Sequence[Statement]:
    key = find_key(config.lake, names)
    if key is None:
        return ()
    statement = Statement(
        sid="EncryptThroughS3",
        reason="Write objects that are encrypted with the lake's key. Nothing is read.",
        actions=("kms:GenerateDataKey",),
        resources=key.resources,
        conditions={**key.condition, **names.via("s3")},
    )
    return (statement,)
