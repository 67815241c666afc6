"""The lake of the proof: every kind of source and every setting that policies look at, and its roles in the local cloud."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml

from rds_lake.config.lake_yaml import LakeConfig, load_config
from rds_lake.infra.policy.document import PolicyDocument
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.pipeline import pipeline_policy
from rds_lake.infra.policy.readers import reader_policy
from rds_lake.infra.policy.service_roles import export_role_policy, job_role_policy
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.localcloud.permissions.calling import ACCOUNT, TRUST_ACCOUNT, Calling

NAMES = Names(partition="aws", region="us-east-1", account=ACCOUNT)
EXPORT_ROLE, JOB_ROLE = "rds-lake-export", "rds-lake-convert"
_LAKE = {
    "bucket": "acme-lake",
    "export_bucket": "acme-exports",
    "export_role": f"arn:aws:iam::{ACCOUNT}:role/{EXPORT_ROLE}",
    "glue_role": f"arn:aws:iam::{ACCOUNT}:role/{JOB_ROLE}",
    "kms_key": "alias/rds-lake",
    "events_queue": "rds-lake-events",
    "notifications": f"arn:aws:sns:us-east-1:{ACCOUNT}:rds-lake-alerts",
    "workgroup": "rds-lake",
}


def configured(directory: Path, *, first: date, secret: str) -> LakeConfig:
    """lake.yaml of the proof. `first`: the first date; `secret`: the ARN of `verify:`'s database user."""
    database: dict[str, Any] = {"default_schema": "shop.public"}
    shop = {"identifier": "shop-prod", "snapshots": ["automated", "manual", "backup"], "verify": {"secret": secret}}
    retention = {"daily": 2, "weekly": 0, "monthly": 0}
    ledger = {"identifier": "shop-aurora", "snapshots": ["backup", "live"], "parquet": "in_place"}
    sources = [
        {"name": "shop", "kind": "rds", "retention": retention} | database | shop,
        {"name": "ledger", "kind": "aurora"} | database | ledger,
        {"name": "reviews", "kind": "dynamodb", "tables": ["Review*"], "incremental": True},
        {"name": "visits", "kind": "dynamodb", "tables": ["Visits"], "method": "scan", "on_demand_rcu": 1000},
        {"name": "carts", "kind": "dynamodb", "tables": ["Carts"], "converter": "glue"},
    ]
    # So long ago that AWS is asked since when the database is there: a day ago it would be after noon only.
    long_ago = str(first - timedelta(days=2))
    later = [source | {"start_date": str(first)} for source in sources if source["name"] != "shop"]
    settings = _LAKE | {"start_date": long_ago, "reconcile_days": 2}
    path = directory / "lake.yaml"
    path.write_text(yaml.safe_dump({"lake": settings, "sources": [sources[0], *later]}), encoding="utf-8")
    return load_config(path)


def policies(config: LakeConfig) -> dict[str, PolicyDocument]:
    """The printed policy of each role, by the role's name."""
    return {
        "pipeline": pipeline_policy(config, NAMES),
        "reader": reader_policy(config, NAMES),
        EXPORT_ROLE: export_role_policy(config, NAMES),
        JOB_ROLE: job_role_policy(config, NAMES),
    }


def give(cloud: LocalCloud, documents: Mapping[str, PolicyDocument]) -> dict[str, dict[str, str]]:
    """Give each role its policy and no other; the keys of a session of each. Roles that are not there yet are made.

    The tests may assume the roles of services too, to do in a service's place what the local cloud does not do.
    """
    calling = Calling(cloud=cloud, made={})
    iam, keys = calling.root("iam"), dict[str, dict[str, str]]()
    there = {role["RoleName"]: role for role in iam.list_roles()["Roles"]}
    for name, document in documents.items():
        if name not in there:
            calling.role(name=name)
        else:
            trusted = there[name]["AssumeRolePolicyDocument"]
            statements = [*trusted["Statement"], TRUST_ACCOUNT]
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trusted | {"Statement": statements}))
            for other in iam.list_role_policies(RoleName=name)["PolicyNames"]:
                iam.delete_role_policy(RoleName=name, PolicyName=other)
        iam.put_role_policy(RoleName=name, PolicyName=name, PolicyDocument=json.dumps(document.as_dict()))
        keys[name] = calling.assume(f"arn:aws:iam::{ACCOUNT}:role/{name}")
    return keys
