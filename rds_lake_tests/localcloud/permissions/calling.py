"""Callers with policies, for the tests of the gate."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from rds_lake.defs.resources import AwsResource
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.support.world import World

ACCOUNT = "123456789012"
_ONCE = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})
TRUST_ACCOUNT = {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}


def allow(action: str | list[str], resource: str | list[str] = "*", **more: Any) -> dict[str, Any]:
    """A statement; `Condition=…` and the like are added."""
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(service: str | list[str]) -> str:
    """A trust policy that lets a service in, or several."""
    return document({"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"})


@dataclass(slots=True)
class Calling:
    """Makes users and roles in a local cloud, and clients that call as one of them."""

    cloud: LocalCloud
    made: dict[Any, Any]

    def root(self, service: str) -> Any:
        """A client whose key no IAM knows."""
        return self.client(service, {"AccessKeyId": "local", "SecretAccessKey": "local"})

    def user(self, *statements: Mapping[str, Any], name: str = "ann") -> dict[str, str]:
        """The access key of a user with one inline policy."""
        self.root("iam").create_user(UserName=name)
        self.set_policy(*statements, name=name)
        return self.root("iam").create_access_key(UserName=name)["AccessKey"]

    def set_policy(self, *statements: Mapping[str, Any], name: str = "ann") -> None:
        """Replace a user's policy."""
        policy = document(*statements or [allow("sts:GetCallerIdentity")])
        self.root("iam").put_user_policy(UserName=name, PolicyName="own", PolicyDocument=policy)

    def role(self, *statements: Mapping[str, Any], name: str = "worker", trusts: str = "", **more: Any) -> str:
        """The ARN of a role with one inline policy."""
        iam = self.root("iam")
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusts or document(TRUST_ACCOUNT), **more)
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
        return made["Role"]["Arn"]

    def assume(self, role: str, **more: Any) -> dict[str, str]:
        """Keys of a session of the role."""
        return self.root("sts").assume_role(RoleArn=role, RoleSessionName="test", **more)["Credentials"]

    def client(self, service: str, keys: Mapping[str, str], *, region: str = "us-east-1") -> Any:
        where = (service, keys["AccessKeyId"], region)
        if where not in self.made:
            self.made[where] = boto3.client(
                service,  # type: ignore[call-overload]
                endpoint_url=self.cloud.url,
                region_name=region,
                aws_access_key_id=keys["AccessKeyId"],
                aws_secret_access_key=keys["SecretAccessKey"],
                aws_session_token=keys.get("SessionToken"),
                config=_ONCE,
            )
        return self.made[where]


def as_role(world: World, keys: Mapping[str, str]) -> World:
    """The same lake, whose gateways all call with these keys, the test's own included."""
    aws = AwsResource(
        endpoint_url=world.cloud.url,
        region_name="us-east-1",
        poll_seconds=0.05,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    gateways = aws.gateways(world.config.lake)
    return replace(world, aws=aws, pipeline=gateways, root=gateways, lines=[])


def refused(error: ClientError) -> tuple[str, str, int]:
    """Code, message and HTTP status of an error."""
    details = error.response["Error"]
    return details["Code"], details["Message"], error.response["ResponseMetadata"]["HTTPStatusCode"]


def decided(cloud: LocalCloud) -> Iterator[tuple[str, str, str]]:
    """Action, resource and effect of each decision so far."""
    return ((entry.action, entry.resource, entry.effect) for entry in cloud.permissions.decisions.all())
