"""The roles of the demo: Dagster runs as the pipeline's role, queries run as a reader; each has the printed policy."""

from __future__ import annotations

import json
from pathlib import Path

import boto3

from rds_lake.aws.clients import AwsClients
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.deployed import name_prefix
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.readers import reader_policy
from rds_lake.localcloud.http.account import ACCOUNT, REGION

_ROOT, _PIPELINE = "rds-lake-demo", "rds-lake-pipeline"


def as_pipeline(variables: dict[str, str], config: LakeConfig, folder: Path) -> dict[str, str]:
    """The environment variables of a process that runs as the pipeline's role.

    They name a profile, whose session boto3 renews, since `make dev` runs longer than a session's hour.
    """
    role = f"arn:aws:iam::{ACCOUNT}:role/{name_prefix(config.lake)}-pipeline"
    keys = (variables["AWS_ACCESS_KEY_ID"], variables["AWS_SECRET_ACCESS_KEY"])
    (folder / "aws-credentials").write_text(
        f"[{_ROOT}]\naws_access_key_id = {keys[0]}\naws_secret_access_key = {keys[1]}\n", encoding="utf-8"
    )
    (folder / "aws-config").write_text(
        f"[profile {_PIPELINE}]\nrole_arn = {role}\nsource_profile = {_ROOT}\nrole_session_name = dagster\n",
        encoding="utf-8",
    )
    kept = {
        name: value for name, value in variables.items() if name not in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    }
    return kept | {
        "AWS_PROFILE": _PIPELINE,
        "AWS_CONFIG_FILE": str(folder / "aws-config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "aws-credentials"),
    }


def reader(clients: AwsClients, config: LakeConfig, endpoint: str) -> AwsClients:
    """Clients with a new role that may only read the lake's views, as an analyst's role would."""
    iam, name = clients.client("iam"), f"{name_prefix(config.lake)}-reader"
    trust = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    may = reader_policy(config, Names(partition="aws", region=REGION, account=ACCOUNT))
    iam.put_role_policy(RoleName=name, PolicyName="rds-lake", PolicyDocument=json.dumps(may.as_dict()))
    keys = clients.client("sts").assume_role(RoleArn=role, RoleSessionName="analyst")["Credentials"]
    session = boto3.Session(
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
        region_name=REGION,
    )
    return AwsClients(session, region=config.lake.region, endpoint_url=endpoint)
