"""The trust policy of the pipeline's role, by where Dagster runs: a task of ECS, a pod of EKS, EC2, or a principal of the account."""

from __future__ import annotations

import json
from typing import Any

from rds_lake.infra.template.parameters import equals
from rds_lake.infra.template.parts import ACCOUNT, NO_VALUE, Part, arn, document, either, ref, sub

# The parameter's word -> the condition that it was chosen.
_PLACES = {"ecs": "OnEcs", "eks": "OnEks", "eks-oidc": "OnEksOidc", "ec2": "OnEc2", "account": "InAccount"}
_NAMESPACE, _POD_ACCOUNT = "KubernetesNamespace", "KubernetesServiceAccount"


def trust_parameters() -> Part:
    """The parameters for where the pipeline runs, and for a pod's identity."""
    text = {"Type": "String", "Default": "rds-lake"}
    return Part(
        parameters={
            "PipelineRunsOn": {
                "Type": "String",
                "Default": "ecs",
                "AllowedValues": list(_PLACES),
                "Description": "Who may assume the pipeline role. ecs: tasks of ECS. eks: pods, by EKS Pod Identity. "
                "eks-oidc: pods, by the cluster's OIDC provider. ec2: instances; a profile is created. "
                "account: every principal of this account that IAM allows.",
            },
            "OidcProvider": {
                "Type": "String",
                "Default": "",
                "AllowedPattern": "^$|^[A-Za-z0-9.-]+/.+$",
                "Description": "Only for eks-oidc: the cluster's issuer without https://, such as "
                "oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE.",
            },
            _NAMESPACE: text | {"Description": "Only for eks and eks-oidc: namespace of the pods."},
            _POD_ACCOUNT: text | {"Description": "Only for eks and eks-oidc: service account of the pods."},
        },
        conditions={condition: equals("PipelineRunsOn", word) for word, condition in _PLACES.items()},
    )


def pipeline_trust() -> dict[str, Any]:
    """Returns the trust policy of the chosen environment."""
    by_place = {"OnEcs": _ecs(), "OnEks": _pod_identity(), "OnEc2": _ec2(), "InAccount": _account()}
    statements = [either(condition, statement, NO_VALUE) for condition, statement in by_place.items()]
    return either("OnEksOidc", _oidc(), {"Version": "2012-10-17", "Statement": statements})


def _ecs() -> dict[str, Any]:
    """https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html"""
    source = {"ArnLike": {"aws:SourceArn": arn("ecs", "*")}, "StringEquals": {"aws:SourceAccount": ACCOUNT}}
    return _allow({"Service": "ecs-tasks.amazonaws.com"}, "sts:AssumeRole") | {"Condition": source}


def _pod_identity() -> dict[str, Any]:
    """https://docs.aws.amazon.com/eks/latest/userguide/pod-id-role.html"""
    pods = {
        "aws:RequestTag/kubernetes-namespace": ref(_NAMESPACE),
        "aws:RequestTag/kubernetes-service-account": ref(_POD_ACCOUNT),
    }
    trusted = _allow({"Service": "pods.eks.amazonaws.com"}, ["sts:AssumeRole", "sts:TagSession"])
    return trusted | {"Condition": {"StringEquals": pods}}


def _ec2() -> dict[str, Any]:
    return _allow({"Service": sub("ec2.${AWS::URLSuffix}")}, "sts:AssumeRole")


def _account() -> dict[str, Any]:
    return _allow({"AWS": sub("arn:${AWS::Partition}:iam::${AWS::AccountId}:root")}, "sts:AssumeRole")


def _oidc() -> dict[str, Any]:
    """Returns the policy as text: a condition's key contains the issuer, and CloudFormation fills in values, not keys.

    https://docs.aws.amazon.com/eks/latest/userguide/associate-service-account-role.html
    """
    provider = "arn:${AWS::Partition}:iam::${AWS::AccountId}:oidc-provider/${OidcProvider}"
    pods = {
        "${OidcProvider}:aud": "sts.${AWS::URLSuffix}",
        "${OidcProvider}:sub": f"system:serviceaccount:${{{_NAMESPACE}}}:${{{_POD_ACCOUNT}}}",
    }
    trusted = _allow({"Federated": provider}, "sts:AssumeRoleWithWebIdentity")
    return sub(json.dumps(document(trusted | {"Condition": {"StringEquals": pods}})))


def _allow(principal: dict[str, Any], action: str | list[str]) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": principal, "Action": action}
