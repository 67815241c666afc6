"""Advice about a resource that failed, or about a missing permission.

Reasons are CloudFormation's: "… (RequestToken: …, HandlerErrorCode: AlreadyExists)", with the codes of
https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract-errors.html
"""

from __future__ import annotations

import re

_ACTION = re.compile(r"not authorized to perform: ([A-Za-z0-9-]+:[A-Za-z0-9]+)")
_EXISTS = re.compile(r"HandlerErrorCode: AlreadyExists|already exists", re.IGNORECASE)
_FULL = re.compile(r"not empty", re.IGNORECASE)
_POLICY = "`rds-lake policy --for deployer` prints what the deployer needs"
# Type of a resource, or its logical id -> the parameter that lets the stack use one that is there.
_EXISTING = {
    "AWS::KMS::Key": "KeyArn=ARN",
    "AWS::KMS::Alias": "KeyArn=ARN (of the key that has this alias)",
    "AWS::SNS::Topic": "TopicArn=ARN",
    "AWS::Glue::Database": "Databases=existing",
    "AWS::Athena::WorkGroup": "AthenaWorkgroup=existing",
    "AWS::Glue::Job": "ConversionJob=existing",
    "AWS::Glue::SecurityConfiguration": "ConversionJob=existing",
    "EventsQueue": "Queue=existing",
    "DeadLetters": "DeadLetterQueue=existing",
    "ExportRole": "RoleForExports=existing",
    "JobRole": "RoleForJob=existing",
}
_IMPORT = (
    "bring it into a stack by CloudFormation's import "
    "(https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html), choose another name in "
    "lake.yaml or with the parameter NamePrefix, or delete the object"
)


def denied(message: str, action: str) -> str:
    """Returns the sentence for a call that AWS denied; the action in AWS's own message has priority."""
    match = _ACTION.search(message)
    right = match.group(1) if match else action
    names = ", for stacks whose name begins with the lake's name prefix" if right.startswith("cloudformation:") else ""
    return f"the right {right} is missing: {message}; {_POLICY}{names}"


def advice(logical: str, kind: str, reason: str) -> str:
    """Returns what to do about a resource of this logical id and type that failed for this reason; empty if nothing is known."""
    if match := _ACTION.search(reason):
        return f"the right {match.group(1)} is missing: {_POLICY}"
    if "HandlerErrorCode: AccessDenied" in reason:
        return f"a right is missing: {_POLICY}"
    if _EXISTS.search(reason):
        return f"it exists already: {_way_out(logical, kind)}"
    if kind == "AWS::S3::Bucket" and _FULL.search(reason):
        return (
            "the bucket is not empty: check its objects, empty it (`aws s3 rm --recursive s3://BUCKET`), and repeat "
            "with --remove"
        )
    return ""


def _way_out(logical: str, kind: str) -> str:
    # The buckets' parameters are named as the resources, which end in `Itself`: infra/template/storage.py.
    parameter = _EXISTING.get(kind) or _EXISTING.get(logical)
    if kind == "AWS::S3::Bucket":
        parameter = f"{logical.removesuffix('Itself')}=existing"
    elif kind == "AWS::Events::Rule":
        parameter = f"RuleFor{logical.removesuffix('Rule')}=existing"
    return f"use it with --parameter {parameter}" if parameter else _IMPORT
