"""The pipeline's permissions in an existing warehouse: statements, logins, results, and files that request a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import LoadOfFiles, WarehouseSettings
from rds_lake.infra.policy.document import Statement, anything, fixed
from rds_lake.infra.policy.names import Names, find_key, listing
from rds_lake.infra.policy.warehouse.places import below, objects, place_of
from rds_lake.model.warehouse.names import ADMIN, stem_of


def data_api(warehouses: Sequence[WarehouseSettings], names: Names) -> Iterator[Statement]:
    """Returns the permissions for statements, and for the logins that they need.

    Long: statements of a policy, one after the other.
    """
    yield Statement(
        sid="RunStatements",
        reason="Run statements in the warehouses. IAM knows workgroups by an id that AWS chooses, so all are allowed.",
        actions=("redshift-data:BatchExecuteStatement", "redshift-data:ExecuteStatement"),
        resources=fixed(*_places(warehouses, names)),
    )
    yield Statement(
        sid="FollowStatements",
        # No condition on redshift-data:statement-owner-iam-userid: with `${aws:userid}` it would be of one session of the role, and
        # the next turn of a run, or the reaper, is another session. The Data API itself shows a role nothing but its own
        # statements (https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-iam.html).
        reason="Follow, list and cancel statements: Redshift allows this only for a role's own. IAM has no resource for this action.",
        actions=(
            "redshift-data:CancelStatement",
            "redshift-data:DescribeStatement",
            "redshift-data:GetStatementResult",
            "redshift-data:ListStatements",
        ),
        resources=anything(),
    )
    secrets = [
        names.arn("secretsmanager", f"secret:redshift!{stem_of(each.name)}-*-{ADMIN}-*")
        for each in warehouses
        if each.mode != "existing"
    ]
    secrets += [each.existing.secret for each in warehouses if each.existing and each.existing.secret]
    if secrets:
        yield Statement(
            sid="LogIn",
            reason="Use the password that Redshift keeps in Secrets Manager.",
            actions=("secretsmanager:GetSecretValue",),
            resources=fixed(*secrets),
        )
    yield from _credentials([each for each in warehouses if each.existing and not each.existing.secret], names)


def _credentials(others: Sequence[WarehouseSettings], names: Names) -> Iterator[Statement]:
    if any(each.existing and each.existing.workgroup for each in others):
        yield Statement(
            sid="LogInToWorkgroups",
            reason="Log in, as this role, to a workgroup that rds-lake did not create.",
            actions=("redshift-serverless:GetCredentials",),
            resources=fixed(names.arn("redshift-serverless", "workgroup/*")),
        )
    for number, each in enumerate(other for other in others if other.existing and other.existing.cluster):
        assert each.existing is not None
        cluster, user = each.existing.cluster, each.existing.db_user
        named = names.arn("redshift", f"dbname:{cluster}/{each.database}")
        yield Statement(
            sid=f"LogInToTheCluster{number or ''}",
            reason="Log in to a cluster that rds-lake did not create.",
            actions=("redshift:GetClusterCredentials",) if user else ("redshift:GetClusterCredentialsWithIAM",),
            resources=fixed(named, *([names.arn("redshift", f"dbuser:{cluster}/{user}")] if user else [])),
        )


def results(config: LakeConfig, warehouses: Sequence[WarehouseSettings], names: Names) -> Iterator[Statement]:
    """Returns the permissions on the locations of results and JSON files outside of the lake.

    Long: statements of a policy, one after the other.
    """
    lake = (config.lake.bucket, config.lake.prefix)
    others = _outside(lake, (place_of(unload.to) for each in warehouses for unload in each.unload))
    if others:
        yield Statement(
            sid="PublishResults",
            reason="Copy complete results to the folders that lake.yaml names, and check that these are empty.",
            actions=("s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"),
            resources=fixed(*(objects(names, bucket, prefix) for bucket, prefix in others)),
        )
    inputs = _outside(lake, (place_of(each.input) for each in warehouses if each.input))
    if inputs:
        yield Statement(
            sid="ReadInput",
            reason="Read the JSON files that ask for a run.",
            actions=("s3:GetObject",),
            resources=fixed(*(objects(names, bucket, prefix) for bucket, prefix in inputs)),
        )
        yield Statement(
            sid="SayWhatIsWrongWithInput",
            reason="Write a file of problems beside a JSON file that is wrong.",
            actions=("s3:PutObject",),
            resources=fixed(*(f"{names.bucket(bucket)}/{prefix}*.errors.json" for bucket, prefix in inputs)),
        )
    loads = [load for each in warehouses for load in each.loads if isinstance(load, LoadOfFiles)]
    files = _outside(lake, (place_of(uri) for load in loads for uri in load.files))
    if files:
        yield Statement(
            sid="FindFiles",
            reason="Check that the files to load exist, and how long they are.",
            actions=("s3:GetObject",),
            resources=fixed(*(objects(names, bucket, prefix) for bucket, prefix in files)),
        )
    listed = list(dict.fromkeys([*others, *inputs, *files]))
    for number, bucket in enumerate(dict.fromkeys(bucket for bucket, _ in listed)):
        yield Statement(
            sid=f"ListResults{number or ''}",
            reason="List the existing files.",
            actions=("s3:ListBucket",),
            resources=fixed(names.bucket(bucket)),
            conditions=listing(*(prefix.rstrip("/") for other, prefix in listed if other == bucket)),
        )


def key_by_alias(config: LakeConfig, names: Names) -> Iterator[Statement]:
    """UNLOAD accepts no alias, so the pipeline looks up the key. With databases, it already has this permission."""
    key = find_key(config.lake, names)
    if key is not None and "alias/" in (config.lake.kms_key or "") and not config.databases:
        yield Statement(
            sid="DescribeTheKey",
            reason="See which key the alias of `kms_key:` points to.",
            actions=("kms:DescribeKey",),
            resources=key.resources,
            conditions=key.condition,
        )


def _outside(lake: tuple[str, str], places: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Returns the locations that are not in the lake, where the pipeline already has its permissions."""
    return [place for place in dict.fromkeys(places) if place[0] != lake[0] or not below(place[1], lake[1])]


def _places(warehouses: Sequence[WarehouseSettings], names: Names) -> Iterator[str]:
    for each in warehouses:
        if each.mode == "serverless" or (each.existing and each.existing.workgroup):
            yield names.arn("redshift-serverless", "workgroup/*")
        else:
            cluster = each.existing.cluster if each.existing else f"{stem_of(each.name)}-*"
            yield names.arn("redshift", f"cluster:{cluster}")
