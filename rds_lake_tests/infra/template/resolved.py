"""What CloudFormation makes of a template: parameters, conditions and functions filled in, as far as ours uses them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from rds_lake_tests.infra.template.lakes import ACCOUNT

_GONE = object()
SUFFIXES = {"aws": "amazonaws.com", "aws-cn": "amazonaws.com.cn", "aws-us-gov": "amazonaws.com"}
REGIONS = {"aws": "us-east-1", "aws-cn": "cn-north-1", "aws-us-gov": "us-gov-west-1"}
# The ARN of a resource of each type, from the property with its name; without, what Ref gives is the name.
_ARNS = {
    "AWS::S3::Bucket": ("arn:{p}:s3:::{name}", "BucketName"),
    "AWS::KMS::Key": ("arn:{p}:kms:{r}:{a}:key/0a1b2c3d-0000-4444-8888-123456789012", "Description"),
    "AWS::SQS::Queue": ("arn:{p}:sqs:{r}:{a}:{name}", "QueueName"),
    "AWS::SNS::Topic": ("arn:{p}:sns:{r}:{a}:{name}", "TopicName"),
    "AWS::IAM::Role": ("arn:{p}:iam::{a}:role{path}{name}", "RoleName"),
    "AWS::IAM::InstanceProfile": ("arn:{p}:iam::{a}:instance-profile/{name}", "InstanceProfileName"),
    "AWS::Athena::WorkGroup": ("", "Name"),
    "AWS::Glue::Job": ("", "Name"),
    "AWS::Glue::SecurityConfiguration": ("", "Name"),
    "AWS::Lambda::Function": ("arn:{p}:lambda:{r}:{a}:function:{name}", "FunctionName"),
    "AWS::KinesisFirehose::DeliveryStream": ("arn:{p}:firehose:{r}:{a}:deliverystream/{name}", "DeliveryStreamName"),
    "AWS::Events::Rule": ("arn:{p}:events:{r}:{a}:rule/{name}", "Name"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """The resources that exist by logical id, and the outputs."""

    resources: dict[str, Any]
    outputs: dict[str, Any]

    def of_type(self, kind: str) -> dict[str, Any]:
        """Properties of the resources of this type, by logical id."""
        return {name: made["Properties"] for name, made in self.resources.items() if made["Type"] == kind}


def deployed(body: dict[str, Any], parameters: dict[str, str], partition: str = "aws") -> Stack:
    """The stack of a template with these parameters, in the first Region of a partition."""
    resolver = _Resolver(body, parameters, partition)
    return Stack(resources=resolver.existing("Resources"), outputs=resolver.existing("Outputs"))


class _Resolver:
    def __init__(self, body: dict[str, Any], parameters: dict[str, str], partition: str) -> None:
        self._body = body
        unknown = parameters.keys() - body["Parameters"].keys()
        assert not unknown, unknown
        self._values: dict[str, Any] = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGIONS[partition],
            "AWS::Partition": partition,
            "AWS::URLSuffix": SUFFIXES[partition],
            "AWS::NoValue": _GONE,
            **{name: parameters.get(name, made["Default"]) for name, made in body["Parameters"].items()},
        }

    def existing(self, section: str) -> dict[str, Any]:
        """The entries of a section whose condition holds."""
        there = {name: made for name, made in self._body[section].items() if self._holds(made.get("Condition"))}
        return {name: self.value(made) for name, made in there.items()}

    def value(self, raw: Any) -> Any:
        """The value with every function called."""
        if isinstance(raw, dict):
            if len(raw) == 1:
                ((name, argument),) = raw.items()
                if name == "Ref" or name.startswith("Fn::"):
                    return self._call(name, argument)
            inner = {name: self.value(item) for name, item in raw.items()}
            return {name: item for name, item in inner.items() if item is not _GONE}
        if isinstance(raw, list):
            return [item for item in map(self.value, raw) if item is not _GONE]
        return raw

    def _call(self, name: str, argument: Any) -> Any:
        if name == "Fn::If":
            return self.value(argument[1] if self._holds(argument[0]) else argument[2])
        if name == "Fn::GetAtt":
            return self._attribute(*argument)
        if name == "Fn::Sub":
            return re.sub(r"\$\{([^}]+)\}", lambda match: self._named(match[1]), argument)
        if name == "Fn::Split":
            return str(self.value(argument[1])).split(argument[0])
        assert name == "Ref", name
        return self._named(argument)

    def _named(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        logical, _, attribute = name.partition(".")
        return self._attribute(logical, attribute or "Ref")

    def _attribute(self, logical: str, attribute: str) -> Any:
        made = self._body["Resources"][logical]
        assert self._holds(made.get("Condition")), f"{logical} is named, but does not exist"
        pattern, key = _ARNS.get(made["Type"], ("", ""))
        is_arn = attribute == "Arn" or (attribute == "Ref" and made["Type"] == "AWS::SNS::Topic")
        if not is_arn:
            return self.value(made["Properties"][key]) if key else logical
        values = self._values
        spelled = {"p": values["AWS::Partition"], "r": values["AWS::Region"], "a": values["AWS::AccountId"]}
        return pattern.format(
            **spelled, name=self.value(made["Properties"][key]), path=made["Properties"].get("Path", "/")
        )

    def _holds(self, condition: str | None) -> bool:
        return condition is None or self._test(self._body["Conditions"][condition])

    def _test(self, raw: dict[str, Any]) -> bool:
        ((name, arguments),) = raw.items()
        if name == "Fn::Not":
            return not self._test(arguments[0])
        assert name == "Fn::Equals", name
        first, second = map(self.value, arguments)
        return first == second


def policies(stack: Stack) -> dict[str, dict[str, Any]]:
    """Every policy in a stack, by a name that says where it is."""
    found: dict[str, dict[str, Any]] = {}
    for name, made in stack.resources.items():
        properties = made["Properties"]
        for key in ("PolicyDocument", "KeyPolicy", "AssumeRolePolicyDocument"):
            if document := properties.get(key):
                found[f"{name}.{key}"] = json.loads(document) if isinstance(document, str) else document
        for policy in properties.get("Policies", []):
            found[f"{name}.{policy['PolicyName']}"] = policy["PolicyDocument"]
    return found
