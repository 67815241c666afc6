"""The keys under which a test's pipeline works, and those of the test itself."""

from __future__ import annotations

from functools import cache
from typing import Literal

from moto.sts.models import sts_backends

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.resources import AwsResource
from rds_lake.infra.policy.deployed import name_prefix
from rds_lake.localcloud.environment import environment
from rds_lake.localcloud.http.account import ACCOUNT, REGION

# The same for all tests: gateways are kept by their keys, and to make boto3's clients takes half a second. `root` is a key that
# IAM has never known, which may everything.
KEYS = {"pipeline": "ASIAPIPELINE00000000", "root": "testing"}
_SECONDS = 12 * 3600


@cache  # Dagster reads the schema of the resource's fields for each that is made
def aws_of(url: str, whose: Literal["pipeline", "root"]) -> AwsResource:
    """AWS at that address, with somebody's keys."""
    return AwsResource(
        endpoint_url=url,
        region_name=REGION,
        poll_seconds=0.02,
        aws_access_key_id=KEYS[whose],
        aws_secret_access_key="testing",
        aws_session_token="testing" if whose == "pipeline" else None,
    )


def variables_of(url: str) -> dict[str, str]:
    """The environment of a process that works as the pipeline at that address."""
    keys = {"AWS_ACCESS_KEY_ID": KEYS["pipeline"], "AWS_SECRET_ACCESS_KEY": "testing", "AWS_SESSION_TOKEN": "testing"}
    return environment(url) | keys


def begin_session(config: LakeConfig) -> None:
    """Make `pipeline` the key of a session of the lake's pipeline role, for whoever uses it from now on."""
    backend = sts_backends[ACCOUNT]["aws"]
    there = next((one for one in backend.assumed_roles if one.access_key_id == KEYS["pipeline"]), None)
    if there is not None:  # the local cloud keeps what it once found
        there.role_arn = pipeline_role(config)
        return
    session = backend.assume_role(
        region_name=REGION,
        role_session_name="dagster",
        role_arn=pipeline_role(config),
        policy="",
        duration=_SECONDS,
        external_id="",
    )
    session.access_key_id = KEYS["pipeline"]


def has_session(config: LakeConfig) -> bool:
    """Whether `pipeline` is a session of this lake's role, and of no other lake's."""
    sessions = sts_backends[ACCOUNT]["aws"].assumed_roles
    session = next((one for one in sessions if one.access_key_id == KEYS["pipeline"]), None)
    return session is not None and session.role_arn == pipeline_role(config)


def pipeline_role(config: LakeConfig) -> str:
    """The ARN of the role that the lake's template makes for the pipeline."""
    return f"arn:aws:iam::{ACCOUNT}:role/{name_prefix(config.lake)}-pipeline"
