"""`deploy/ecs/stack.yaml`, and that of EKS: what AWS's schemas, linters of policies and Dagster's launcher say of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

_REGIONS = ["us-east-1", "eu-central-1", "us-gov-west-1"]


@pytest.fixture(scope="module")
def template(root: Path) -> dict[str, Any]:
    decode = pytest.importorskip("cfnlint.decode.cfn_yaml")
    return decode.loads((root / "deploy" / "ecs" / "stack.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("platform", ["ecs", "kubernetes"])
def test_cfn_lint_has_nothing_to_say(platform: str, deploy: Path) -> None:
    cfnlint = pytest.importorskip("cfnlint.api")
    from cfnlint.config import ManualArgs

    text = (deploy / platform / "stack.yaml").read_text(encoding="utf-8")
    # Region by Region: what it makes of one has nothing to do with the others.
    arguments: Any = ManualArgs(regions=_REGIONS)
    assert [f"{match.rule.id}: {match.message}" for match in cfnlint.lint(text, config=arguments)] == []


def resources(template: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: each["Properties"] for name, each in template["Resources"].items() if each["Type"] == kind}


def test_history_and_what_runs_printed_outlive_the_stack(template: dict[str, Any]) -> None:
    assert template["Resources"]["LogsBucket"]["DeletionPolicy"] == "Retain"
    assert template["Resources"]["Database"]["DeletionPolicy"] == "Snapshot"
    database = template["Resources"]["Database"]["Properties"]
    assert (database["StorageEncrypted"], database["PubliclyAccessible"], database["DeletionProtection"]) == (
        True,
        False,
        True,
    )


def test_every_task_is_of_the_images_architecture(template: dict[str, Any]) -> None:
    """A task of another one ends at its start, and a run's is made by a launcher that does not say which."""
    tasks = resources(template, "AWS::ECS::TaskDefinition").values()
    platforms = [task["RuntimePlatform"] for task in tasks]
    assert platforms == [{"OperatingSystemFamily": "LINUX", "CpuArchitecture": {"Ref": "Architecture"}}] * 4


def test_there_are_never_two_daemons(template: dict[str, Any]) -> None:
    daemon = resources(template, "AWS::ECS::Service")["DaemonService"]
    assert daemon["DeploymentConfiguration"]["MaximumPercent"] == 100


def test_no_password_is_in_the_template_or_in_a_plain_variable(template: dict[str, Any]) -> None:
    tasks = resources(template, "AWS::ECS::TaskDefinition")
    for task in tasks.values():
        (container,) = task["ContainerDefinitions"]
        assert {each["Name"] for each in container["Secrets"]} == {"DAGSTER_PG_USERNAME", "DAGSTER_PG_PASSWORD"}
        assert not [each for each in container["Environment"] if "PASSWORD" in each["Name"]]


def test_each_task_has_every_variable_that_its_files_name(template: dict[str, Any], deploy: Path) -> None:
    """Else Dagster ends at its start, on AWS alone. The launcher is made by webserver and daemon only."""
    files = (deploy / "ecs" / "dagster.yaml").read_text() + (deploy / "ecs" / "workspace.yaml").read_text()
    named = {part.split("}")[0].strip() for part in files.split("{env:")[1:]}
    for name, task in resources(template, "AWS::ECS::TaskDefinition").items():
        (container,) = task["ContainerDefinitions"]
        given = {each["Name"] for each in (*container["Environment"], *container["Secrets"])}
        assert named - given == ({"RDS_LAKE_RUN_TASK"} if name in ("RunTask", "CodeTask") else set()), name


def statements(template: dict[str, Any], role: str) -> list[dict[str, Any]]:
    return [
        statement
        for policy in template["Resources"][role]["Properties"]["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def test_webserver_and_daemon_see_nothing_of_the_lake_and_hand_over_two_roles_alone(template: dict[str, Any]) -> None:
    found = statements(template, "ControlRole")
    (passing,) = [each for each in found if each["Action"] == "iam:PassRole"]
    assert len(passing["Resource"]) == 2
    assert passing["Condition"] == {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
    everywhere = [each["Action"] for each in found if each["Resource"] == "*"]
    assert everywhere == [["ecs:DescribeTaskDefinition", "ec2:DescribeNetworkInterfaces"]]
    assert not [each for each in found if "athena" in json.dumps(each) or "glue" in json.dumps(each)]


def test_pods_on_eks_are_the_roles_of_their_service_accounts(root: Path) -> None:
    decode = pytest.importorskip("cfnlint.decode.cfn_yaml")
    template = decode.loads((root / "deploy" / "kubernetes" / "stack.yaml").read_text(encoding="utf-8"))
    values = yaml.safe_load((root / "deploy" / "kubernetes" / "values.yaml").read_text(encoding="utf-8"))
    pods = resources(template, "AWS::EKS::PodIdentityAssociation")
    assert pods["PipelinePods"]["ServiceAccount"] == values["dagster-user-deployments"]["serviceAccount"]["name"]
    assert pods["ControlPods"]["ServiceAccount"] == values["serviceAccount"]["name"]
    control = statements(template, "ControlRole")
    assert {each["Action"] for each in control} == {"s3:GetObject", "s3:ListBucket"}
