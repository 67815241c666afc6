"""Lakes for tests of policies: from the smallest to one with everything, and lakes with many sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from rds_lake.config.lake_yaml import LakeConfig, parse_config
from rds_lake.infra.policy.names import Names

ACCOUNT = "111122223333"
NAMES = Names(partition="aws", region="us-east-1", account=ACCOUNT)
PSEUDO = Names(partition="${AWS::Partition}", region="${AWS::Region}", account="${AWS::AccountId}")

_LAKE = {
    "bucket": "acme-lake",
    "export_role": f"arn:aws:iam::{ACCOUNT}:role/rds-lake-export",
    "kms_key": "alias/rds-lake",
    "events_queue": "rds-lake-events",
    "workgroup": "rds-lake",
    "start_date": "2026-01-01",
}
TOPIC = {"notifications": f"arn:aws:sns:us-east-1:{ACCOUNT}:rds-lake-alerts"}
SECRET = f"arn:aws:secretsmanager:us-east-1:{ACCOUNT}:secret:shop-reader-AbCdEf"


def lake(*sources: dict[str, Any], **settings: Any) -> LakeConfig:
    """A lake of these sources; `settings` of its `lake:` section, None removes one."""
    section = {key: value for key, value in (_LAKE | settings).items() if value is not None}
    return parse_config(yaml.safe_dump({"lake": section, "sources": list(sources)}), where="test")


def rds(name: str = "shop", **keys: Any) -> dict[str, Any]:
    return {"name": name, "kind": "rds", "identifier": f"{name.replace('_', '-')}-prod"} | keys


def aurora(name: str = "ledger", **keys: Any) -> dict[str, Any]:
    return {"name": name, "kind": "aurora", "identifier": f"{name.replace('_', '-')}-prod"} | keys


def dynamodb(name: str = "reviews", **keys: Any) -> dict[str, Any]:
    return {"name": name, "kind": "dynamodb", "tables": ["Reviews", "Users"]} | keys


def job_lake(**settings: Any) -> LakeConfig:
    """A lake with a Glue job."""
    return lake(dynamodb(converter="auto"), glue_role=f"arn:aws:iam::{ACCOUNT}:role/rds-lake-convert", **settings)


def calling(name: str = "routes", **keys: Any) -> dict[str, Any]:
    """A source whose triggers call a function."""
    function = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:changes"
    return aurora(name, streams={"tables": ["air.public.routes"], "capture": "lambda", "function": function}, **keys)


def warehouses() -> LakeConfig:
    """A lake with a warehouse of each mode."""
    table, offers = {"table": "reviews.reviews"}, {"name": "offers", "files": ["s3://acme-offers/in/"], "format": "csv"}
    columns = [{"name": "id", "type": "bigint"}]
    result = {"name": "result", "table": "offers", "to": "s3://acme-results/out/"}
    network = {"vpc": "vpc-0a1b2c3d", "subnets": ["subnet-0a1b2c3d", "subnet-0a1b2c3e"]}
    some = [
        {"name": "nightly", "mode": "cluster", "cluster": {"nodes": 2}, **network, "unload": [result]}
        | {"loads": [table, offers | {"columns": columns}], "input": "s3://acme-asks/in/"},
        {"name": "adhoc", "mode": "serverless", "serverless": {"usage_limit": {"rpu_hours": 10}}, "loads": [table]},
    ]
    body = {"lake": _LAKE, "sources": [dynamodb()], "warehouses": some}
    return parse_config(yaml.safe_dump(body), where="test")


def everything() -> LakeConfig:
    """A lake that needs every statement there is."""
    return lake(
        rds(snapshots=["automated", "manual", "backup"], verify={"secret": SECRET}, retention={"daily": 7}),
        rds("stock", parquet="in_place", replace=True),
        aurora(snapshots=["automated", "backup", "live"]),
        dynamodb(converter="auto"),
        dynamodb("visits", tables=["Visits-*"], method="scan"),
        glue_role=f"arn:aws:iam::{ACCOUNT}:role/rds-lake-convert",
        export_bucket="acme-exports",
        **TOPIC,
    )


# Every setting that policies look at, in some lake.
LAKES: dict[str, LakeConfig] = {
    "an instance": lake(rds()),
    "a cluster": lake(aurora(snapshots=["live"])),
    "manual snapshots": lake(rds(snapshots=["manual"], keep_export=True)),
    "backups": lake(aurora(snapshots=["backup"]), rds(snapshots=["backup"])),
    "tables": lake(dynamodb(), export_role=None, kms_key=None),
    "scans": lake(dynamodb(method="scan", keep_export=True, athena=False, format="csv"), export_role=None),
    "patterns": lake(dynamodb(tables=["Orders-*", "Log[0-9]", "Old?"])),
    "a Glue job": job_lake(kms_key=f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d"),
    "no Athena": lake(rds(athena=False, retention={"daily": 7})),
    "in place": lake(rds(parquet="in_place"), export_bucket="acme-exports", prefix="", export_prefix="x/y"),
    "capture by lambda": lake(calling(), calling("seats")),
    "everything": everything(),
    "warehouses": warehouses(),
}


def many(names: Sequence[str]) -> LakeConfig:
    """A lake of half instances, half DynamoDB tables: as many sources as names."""
    return lake(*(rds(name) if at % 2 else dynamodb(name, tables=[f"{name}-items"]) for at, name in enumerate(names)))
