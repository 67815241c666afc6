"""Redshift's own permissions: read the files that a warehouse loads, and write results that are not published yet.

https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service.html
"""

from __future__ import annotations

from collections.abc import Iterator

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.config.warehouse import LoadOfFiles, WarehouseSettings
from rds_lake.infra.policy.document import PolicyDocument, Statement, fixed
from rds_lake.infra.policy.lake import catalogue, key_through_s3
from rds_lake.infra.policy.names import Names, listing
from rds_lake.infra.policy.warehouse.places import layout_of, objects, place_of, sources_of

_SERVICES = {
    "cluster": ("redshift.amazonaws.com",),
    "serverless": ("redshift-serverless.amazonaws.com", "redshift.amazonaws.com"),
}


def redshift_services(settings: WarehouseSettings) -> tuple[str, ...]:
    """Returns the services that assume the warehouse's role."""
    return _SERVICES.get(settings.mode, _SERVICES["cluster"])


def redshift_role_policy(config: LakeConfig, settings: WarehouseSettings, names: Names) -> PolicyDocument:
    """Returns Redshift's policy: read the warehouse's input, and write below its own staging folder."""
    return PolicyDocument(statements=(*_reads(config, settings, names), *_writes(config, settings, names)))


def _reads(config: LakeConfig, settings: WarehouseSettings, names: Names) -> Iterator[Statement]:
    """Long: statements of a policy, one after the other."""
    layout, sources = layout_of(config), sources_of(config, settings)
    places = [(layout.bucket, layout.source_folder(source).rstrip("/")) for source in sources]
    if any(source.in_place for source in config.databases if source.name in sources):
        places.append((config.lake.exports_bucket, config.lake.export_prefix))
    places += [place_of(uri) for load in settings.loads if isinstance(load, LoadOfFiles) for uri in load.files]
    places += [place_of(settings.input)] if settings.input else []
    # Manifests of COPY are written where the results are staged.
    places.append((layout.bucket, layout.warehouse_folder(settings.name).rstrip("/")))
    buckets = dict.fromkeys(bucket for bucket, _ in places)
    yield Statement(
        sid="ReadWhatIsLoaded",
        reason="Read the files of the lake's tables and the files that lake.yaml names.",
        actions=("s3:GetObject",),
        resources=fixed(*(objects(names, bucket, prefix) for bucket, prefix in dict.fromkeys(places))),
    )
    for number, bucket in enumerate(buckets):
        prefixes = [prefix.rstrip("/") for other, prefix in places if other == bucket]
        yield Statement(
            sid=f"ListWhatIsLoaded{number or ''}",
            reason="List the folders of the tables, and check that the staging folder is empty.",
            actions=("s3:ListBucket",),
            resources=fixed(names.bucket(bucket)),
            conditions=listing(*prefixes),
        )
    yield Statement(
        sid="LocateTheBuckets",
        reason="Redshift asks in which Region a bucket is.",
        actions=("s3:GetBucketLocation",),
        resources=fixed(*(names.bucket(bucket) for bucket in buckets)),
    )
    if sources:
        yield Statement(
            sid="ReadTheCatalogue",
            reason="Read the tables and partitions of the loaded sources, for external schemas.",
            actions=(
                "glue:BatchGetPartition",
                "glue:GetDatabase",
                "glue:GetDatabases",
                "glue:GetPartition",
                "glue:GetPartitions",
                "glue:GetTable",
                "glue:GetTables",
            ),
            resources=catalogue(names, sources),
        )


def _writes(config: LakeConfig, settings: WarehouseSettings, names: Names) -> Iterator[Statement]:
    layout = layout_of(config)
    staging = f"{layout.warehouse_folder(settings.name)}staging"
    yield Statement(
        sid="WriteResults",
        reason="Write results to the staging folder; the pipeline publishes them when they are complete.",
        actions=("s3:AbortMultipartUpload", "s3:PutObject"),
        resources=fixed(names.objects(layout.bucket, staging)),
    )
    yield from key_through_s3(config.lake, names)
