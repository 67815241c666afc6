"""Who may become the pipeline role."""

from __future__ import annotations

import pytest

from rds_lake_tests.infra.template.lakes import ACCOUNT, template_of
from rds_lake_tests.infra.template.resolved import deployed, policies

ISSUER = "oidc.eks.us-east-1.amazonaws.com/id/EXAMPLE"
PRINCIPALS = {
    "ecs": {"Service": "ecs-tasks.amazonaws.com"},
    "eks": {"Service": "pods.eks.amazonaws.com"},
    "eks-oidc": {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"},
    "ec2": {"Service": "ec2.amazonaws.com"},
    "account": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
}


@pytest.mark.parametrize("place", PRINCIPALS)
def test_only_what_runs_at_the_chosen_place_becomes_the_pipeline(place: str) -> None:
    stack = deployed(template_of("rds").body, {"PipelineRunsOn": place, "OidcProvider": ISSUER})
    (statement,) = policies(stack)["PipelineRole.AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == PRINCIPALS[place]
    assert ("PipelineProfile" in stack.resources) is (place == "ec2")
    assert ("PipelineProfile" in stack.outputs) is (place == "ec2")


def test_of_pods_only_those_of_the_named_service_account_do() -> None:
    chosen = {"KubernetesNamespace": "data", "KubernetesServiceAccount": "dagster", "OidcProvider": ISSUER}
    by_oidc = deployed(template_of("rds").body, {"PipelineRunsOn": "eks-oidc", **chosen})
    (statement,) = policies(by_oidc)["PipelineRole.AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"]["StringEquals"] == {
        f"{ISSUER}:aud": "sts.amazonaws.com",
        f"{ISSUER}:sub": "system:serviceaccount:data:dagster",
    }
    by_identity = deployed(template_of("rds").body, {"PipelineRunsOn": "eks", **chosen})
    (statement,) = policies(by_identity)["PipelineRole.AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"]["StringEquals"] == {
        "aws:RequestTag/kubernetes-namespace": "data",
        "aws:RequestTag/kubernetes-service-account": "dagster",
    }


def test_of_tasks_only_those_of_this_account_do() -> None:
    (statement,) = policies(deployed(template_of("rds").body, {}))["PipelineRole.AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": ACCOUNT}
