"""Permissions of the function that forwards outboxes on a schedule: write the sources' cuts, and read their databases' secrets."""

from __future__ import annotations

from collections.abc import Sequence

from rds_lake.config.database import Database
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.document import INLINE_LIMIT, PolicyDocument, Resource, Statement, anything, fixed
from rds_lake.infra.policy.lake import key_through_s3
from rds_lake.infra.policy.names import Names, listing
from rds_lake.infra.policy.widen import fitted
from rds_lake.model.lake.layout import LakeLayout

# After `NamePrefix-`: the function and its role; the rule that invokes it.
FORWARDER, FORWARD_RULE = "forwarder", "forward"


def scheduled_sources(config: LakeConfig) -> tuple[Database, ...]:
    """Returns the sources whose outboxes a function can forward: those with a secret that names the database."""
    return tuple(
        source for source in config.databases if source.outbox_tables and source.streams and source.streams.secret
    )


def forwarder_policy(config: LakeConfig, names: Names, function: str) -> PolicyDocument:
    """Returns the policy of the function of that name, without a statement if it can forward no source."""
    sources = scheduled_sources(config)
    if not sources:
        return PolicyDocument(statements=())
    secrets = [source.streams.secret.rpartition(":") for source in sources if source.streams and source.streams.secret]
    statements = (
        *_cuts(config, names, sources),
        Statement(
            sid="ReadSecrets",
            reason="Read the database users of `streams:`. A secret that is encrypted with a key of your own needs kms:Decrypt on "
            "that key as well.",
            actions=("secretsmanager:GetSecretValue",),
            resources=tuple(Resource(stem=stem + colon, name=name) for stem, colon, name in dict.fromkeys(secrets)),
        ),
        Statement(
            sid="WriteLogs",
            reason="Lambda writes the function's output as its role.",
            actions=("logs:CreateLogStream", "logs:PutLogEvents"),
            resources=fixed(names.arn("logs", f"log-group:/aws/lambda/{function}:log-stream:*")),
        ),
        *key_through_s3(config.lake, names),
    )
    return fitted(statements, INLINE_LIMIT)


def _cuts(config: LakeConfig, names: Names, sources: Sequence[Database]) -> tuple[Statement, ...]:
    lake = config.lake
    layout = LakeLayout(bucket=lake.bucket, prefix=lake.prefix)
    folders = [layout.all_changes_folder(source.name) for source in sources]
    return (
        Statement(
            sid="WriteCuts",
            reason="Write files and manifests of cuts, read what earlier forwarders wrote, and remove the files of an attempt that "
            "failed.",
            actions=("s3:DeleteObject", "s3:GetObject", "s3:PutObject"),
            resources=tuple(Resource(stem=f"{names.bucket(lake.bucket)}/", name=f"{folder}*") for folder in folders),
        ),
        Statement(
            sid="FindCuts",
            reason="Get 404 instead of 403 for an object that does not exist.",
            actions=("s3:ListBucket",),
            resources=fixed(names.bucket(lake.bucket)),
            conditions=listing(*(folder.removesuffix("/") for folder in folders)),
        ),
    )


def network_policy(names: Names) -> PolicyDocument:
    """Returns what Lambda does with the function's role to reach a VPC. The names of network interfaces are not known before.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
    """
    interfaces = names.arn("ec2", "network-interface/*")
    make = Statement(
        sid="ReachTheVpc",
        reason="Lambda creates the network interfaces of the function.",
        actions=("ec2:CreateNetworkInterface",),
        resources=fixed(interfaces, names.arn("ec2", "subnet/*"), names.arn("ec2", "security-group/*")),
    )
    change = Statement(
        sid="LeaveTheVpc",
        reason="Lambda changes and removes the interfaces. Before it creates a function, it checks that the role may do so.",
        actions=("ec2:AssignPrivateIpAddresses", "ec2:DeleteNetworkInterface", "ec2:UnassignPrivateIpAddresses"),
        resources=fixed(names.arn("ec2", "*/*")),
    )
    look = Statement(
        sid="SeeTheVpc",
        reason="Lambda looks up the network interfaces.",
        actions=("ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"),
        resources=anything(),
    )
    return PolicyDocument(statements=(make, change, look))
