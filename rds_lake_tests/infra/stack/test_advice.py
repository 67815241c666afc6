"""What a person is told to do about a resource that failed."""

from __future__ import annotations

import pytest

from rds_lake.infra.stack.advice import advice, denied

_DENIED = (
    "User: arn:aws:iam::111122223333:user/ann is not authorized to perform: sqs:createqueue on resource: arn:aws:sqs:::q because no "
    "identity-based policy allows the sqs:createqueue action"
)


@pytest.mark.parametrize(
    ("logical", "kind", "reason", "told"),
    [
        ("ExportBucketItself", "AWS::S3::Bucket", "acme-exports already exists", "--parameter ExportBucket=existing"),
        ("Key", "AWS::KMS::Key", "HandlerErrorCode: AlreadyExists", "--parameter KeyArn=ARN"),
        ("Databaseshop", "AWS::Glue::Database", "HandlerErrorCode: AlreadyExists", "--parameter Databases=existing"),
        ("Topic", "AWS::SNS::Topic", "HandlerErrorCode: AlreadyExists", "--parameter TopicArn=ARN"),
        ("EventsQueue", "AWS::SQS::Queue", "HandlerErrorCode: AlreadyExists", "--parameter Queue=existing"),
        ("RdsRule", "AWS::Events::Rule", "HandlerErrorCode: AlreadyExists", "--parameter RuleForRds=existing"),
        ("PipelineRole", "AWS::IAM::Role", "HandlerErrorCode: AlreadyExists", "CloudFormation's import"),
        (
            "EventsQueue",
            "AWS::SQS::Queue",
            _DENIED,
            "the right sqs:createqueue is missing: `rds-lake policy --for deployer`",
        ),
        ("Key", "AWS::KMS::Key", "HandlerErrorCode: AccessDenied", "`rds-lake policy --for deployer`"),
        ("BucketItself", "AWS::S3::Bucket", "The bucket you tried to delete is not empty", "aws s3 rm --recursive"),
    ],
)
def test_every_known_reason_has_a_way_out(logical: str, kind: str, reason: str, told: str) -> None:
    assert told in advice(logical, kind, reason)


def test_an_unknown_reason_gets_no_invented_advice() -> None:
    assert advice("Q", "AWS::SQS::Queue", "Internal failure") == ""


def test_the_action_of_awss_message_comes_before_the_call() -> None:
    assert denied(_DENIED, "cloudformation:CreateStack").startswith("the right sqs:createqueue is missing")
    assert denied("no", "cloudformation:CreateStack").startswith("the right cloudformation:CreateStack is missing")
