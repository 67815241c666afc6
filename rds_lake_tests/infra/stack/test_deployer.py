"""Who deploys has exactly the printed policy, and CloudFormation makes everything in his name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rds_lake.config.lake_yaml import LakeConfig, parse_config
from rds_lake.console.aws_reference import PublishedReference
from rds_lake.console.streams.package import function_zip
from rds_lake.infra.policy.deployer import deployer_policy
from rds_lake.infra.policy.names import Names
from rds_lake.infra.template.build import build_template
from rds_lake.infra.template.parts import tags
from rds_lake.infra.template.render import INLINE_BYTES, as_yaml
from rds_lake_tests.infra.stack.conftest import Site
from rds_lake_tests.infra.template.lakes import ACCOUNT, LAKES, PARAMETERS, template_of
from rds_lake_tests.localcloud.permissions.calling import ACCOUNT as HERE
from rds_lake_tests.localcloud.permissions.calling import Calling, allow, document, trust
from rds_lake_tests.localcloud.stacks.deploying import Formation

NAMES = Names(partition="aws", region="us-east-1", account=HERE)
_STACK = "acme"


def lake(name: str) -> LakeConfig:
    """One of the eight lakes, in the local cloud's account."""
    return parse_config(LAKES[name].replace(ACCOUNT, HERE), where=name)


def statements(config: LakeConfig) -> list[dict[str, Any]]:
    return deployer_policy(config, NAMES, PublishedReference()).as_dict()["Statement"]


class Deployer:
    """A user with a policy of these statements, who deploys a lake's stack."""

    def __init__(self, site: Site, config: LakeConfig, granted: list[dict[str, Any]]) -> None:
        self.config, self._granted, self.more_tags = config, granted, list[str]()
        self.role: str | None = None
        self.calling = Calling(cloud=site.formation.cloud, made={})
        keys = self.calling.user(name="ann")
        self.restrict()
        self.formation = Formation(
            site.formation.cloud, {"cloudformation": self.calling.client("cloudformation", keys)}
        )

    def restrict(self, without: str = "") -> None:
        """Take an action away from the policy."""
        left = [one | {"Action": [action for action in one["Action"] if action != without]} for one in self._granted]
        policy = document(*(one for one in left if one["Action"]))
        self.calling.root("iam").put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=policy)

    def asked(self, parameters: Mapping[str, str], text: str = "") -> dict[str, Any]:
        text = text or as_yaml(build_template(self.config).body)
        where: dict[str, Any] = {"TemplateBody": text}
        if len(text.encode()) > INLINE_BYTES:
            s3 = self.calling.root("s3")
            s3.create_bucket(Bucket="acme-lake")
            s3.put_object(Bucket="acme-lake", Key="lake/_stacks/t.yaml", Body=text.encode())
            where = {"TemplateURL": "https://acme-lake.s3.us-east-1.amazonaws.com/lake/_stacks/t.yaml"}
        passed = {"RoleARN": self.role} if self.role else {}
        return (
            where
            | passed
            | {
                "StackName": _STACK,
                "Capabilities": ["CAPABILITY_NAMED_IAM"],
                "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
                "Tags": [*tags(self.config.lake), *({"Key": key, "Value": "data"} for key in self.more_tags)],
            }
        )

    def create(self, **parameters: str) -> dict[str, Any]:
        id_ = self.formation.api.create_stack(**self.asked(parameters))["StackId"]
        return self.formation.ended(id_)

    def update(self, text: str = "", **parameters: str) -> dict[str, Any]:
        self.formation.api.update_stack(**self.asked(parameters, text))
        return self.formation.ended(_STACK)

    def delete(self) -> dict[str, Any]:
        id_ = self.formation.stack(_STACK)["StackId"]
        self.formation.api.delete_stack(StackName=_STACK)
        return self.formation.ended(id_)

    def why(self) -> str:
        """The reasons of the events that failed, the newest first."""
        events = self.formation.api.describe_stack_events(StackName=_STACK)["StackEvents"]
        failed = [one for one in events if one["ResourceStatus"].endswith("FAILED")]
        return "\n".join(f"{one['LogicalResourceId']}: {one.get('ResourceStatusReason')}" for one in failed)


def chosen(site: Site, name: str) -> dict[str, str]:
    """Parameters under which the stack makes the most."""
    if "Bucket" in PARAMETERS[name]:
        site.formation.client("s3").create_bucket(Bucket="acme-lake")
    if code := PARAMETERS[name].get("CaptureCodeKey"):
        site.formation.client("s3").put_object(Bucket="acme-lake", Key=code, Body=function_zip())
        return dict(PARAMETERS[name])
    if name == "existing key":
        key = site.formation.client("kms").create_key()["KeyMetadata"]["Arn"]
        return {"Bucket": "existing", "KeyArn": key}
    return {"BackupPlan": "new"} if "BackupPlan" in template_of(name).body["Parameters"] else {}


def others(config: LakeConfig) -> dict[str, str]:
    """Values of parameters other than at first, where the template has them."""
    values = {"PipelineRunsOn": "account", "BackupDays": "7", "NotificationEmail": "data@example.com"}
    return {key: value for key, value in values.items() if key in build_template(config).body["Parameters"]}


# Of 200 sources the names are patterns, which allow more; their stack takes half a minute.
@pytest.mark.parametrize("name", [name for name in LAKES if name != "200 sources"])
def test_the_printed_policy_creates_changes_and_deletes_all_of_a_stack(site: Site, name: str) -> None:
    config = lake(name)
    deployer, parameters = Deployer(site, config, statements(config)), chosen(site, name)
    assert deployer.create(**parameters)["StackStatus"] == "CREATE_COMPLETE", deployer.why()
    deployer.more_tags.append("team")  # changes every resource
    assert deployer.update(**parameters, **others(config))["StackStatus"] == "UPDATE_COMPLETE", deployer.why()
    assert deployer.delete()["StackStatus"] == "DELETE_COMPLETE", deployer.why()


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("sqs:CreateQueue", "DeadLetters"),
        ("iam:PutRolePolicy", "ExportRole"),
        ("events:PutTargets", "RdsRule"),
        ("cloudwatch:PutMetricAlarm", "DeadLettersAlarm"),
        ("backup:CreateBackupVault", "BackupVault"),
        ("iam:PassRole", "BackupSelection"),
    ],
)
def test_a_right_that_is_missing_fails_its_resource_in_awss_words_and_nothing_stays(
    site: Site, action: str, resource: str
) -> None:
    config = lake("aurora and backup")
    deployer = Deployer(site, config, statements(config))
    deployer.restrict(without=action)
    assert deployer.create(BackupPlan="new")["StackStatus"] == "ROLLBACK_COMPLETE"
    # SQS writes its actions without capitals.
    words = f"user/ann is not authorized to perform: {action} on resource: ".lower()
    assert words in deployer.why().lower(), deployer.why()
    assert f"{resource}: Resource handler returned message: " in deployer.why(), deployer.why()
    assert "HandlerErrorCode: AccessDenied)" in deployer.why()
    deployer.restrict()
    assert deployer.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert site.formation.queues() == []


@pytest.mark.exhaustive
def test_what_may_not_be_taken_away_keeps_the_stack_until_the_right_is_back(site: Site) -> None:
    config = lake("dynamodb")
    deployer = Deployer(site, config, statements(config))
    deployer.create()
    deployer.restrict(without="sqs:DeleteQueue")
    assert deployer.delete()["StackStatus"] == "DELETE_FAILED"
    assert "perform: sqs:deletequeue" in deployer.why()
    deployer.restrict()
    assert deployer.delete()["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.exhaustive
def test_a_role_that_is_passed_makes_everything_and_the_caller_needs_only_the_stack(site: Site) -> None:
    config = lake("dynamodb")
    granted = statements(config)
    calling = Calling(cloud=site.formation.cloud, made={})
    role = calling.role(*granted, name="deploys", trusts=trust("cloudformation.amazonaws.com"))
    own = [one for one in granted if one["Sid"] == "DeployTheStack"]
    deployer = Deployer(site, config, [*own, allow(["iam:PassRole"], [role])])
    deployer.role = role
    assert deployer.create()["StackStatus"] == "CREATE_COMPLETE", deployer.why()
    deployer.role = None  # the stack remembers it
    assert deployer.delete()["StackStatus"] == "DELETE_COMPLETE", deployer.why()


@pytest.mark.exhaustive
def test_a_role_that_does_not_trust_cloudformation_is_refused(site: Site) -> None:
    config = lake("dynamodb")
    calling = Calling(cloud=site.formation.cloud, made={})
    deployer = Deployer(site, config, [*statements(config), allow(["iam:PassRole"])])
    deployer.role = calling.role(name="deploys", trusts=trust("ec2.amazonaws.com"))
    with pytest.raises(ClientError, match="is invalid or cannot be assumed"):
        deployer.create()
