"""What was decided before is forgotten with every change of the policy, grants and aliases of what is asked for."""

import json
from collections.abc import Callable

import pytest

from rds_lake_tests.localcloud.permissions.calling import ACCOUNT, Calling, allow, document
from rds_lake_tests.localcloud.permissions.changing import Change, ends_and_begins

_ACCOUNT_ROOT = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
_ANN = f"arn:aws:iam::{ACCOUNT}:user/ann"


def _bucket_policy(calling: Calling) -> Change:
    s3, owner = calling.client("s3", calling.user(allow("s3:*"))), calling.root("s3")
    owner.create_bucket(Bucket="lake-bucket")
    owner.put_object(Bucket="lake-bucket", Key="a", Body=b"x")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::lake-bucket/*"}
    return Change(
        call=lambda: s3.get_object(Bucket="lake-bucket", Key="a"),
        take=lambda: owner.put_bucket_policy(Bucket="lake-bucket", Policy=document(deny)),
        give=lambda: owner.delete_bucket_policy(Bucket="lake-bucket"),
    )


def _queue_policy(calling: Calling) -> Change:
    owner, url = calling.root("sqs"), calling.root("sqs").create_queue(QueueName="events")["QueueUrl"]
    deny = {"Effect": "Deny", "Principal": "*", "Action": "sqs:GetQueueAttributes", "Resource": "*"}
    queue = calling.client("sqs", calling.user(allow("sqs:*")))
    return Change(
        call=lambda: queue.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"]),
        take=lambda: owner.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(deny)}),
        give=lambda: owner.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""}),
    )


def _permission_on_a_queue(calling: Calling) -> Change:
    """AddPermission changes the queue's policy in place."""
    owner, url = calling.root("sqs"), calling.root("sqs").create_queue(QueueName="events")["QueueUrl"]
    queue, label = calling.client("sqs", calling.user()), {"QueueUrl": url, "Label": "ann"}

    def give() -> None:
        owner.add_permission(**label, AWSAccountIds=[ACCOUNT], Actions=["SendMessage"])
        mine = json.loads(owner.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])
        mine["Statement"][0]["Principal"] = {"AWS": _ANN}
        owner.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(mine)})

    give()
    return Change(
        call=lambda: queue.send_message(QueueUrl=url, MessageBody="x"),
        take=lambda: owner.remove_permission(**label),
        give=give,
    )


def _topic_policy(calling: Calling) -> Change:
    owner = calling.root("sns")
    arn = owner.create_topic(Name="told")["TopicArn"]
    topics = calling.client("sns", calling.user(allow("sns:Publish")))
    first = owner.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]
    deny = document({"Effect": "Deny", "Principal": "*", "Action": "sns:Publish", "Resource": arn})
    policy = {"TopicArn": arn, "AttributeName": "Policy"}
    return Change(
        call=lambda: topics.publish(TopicArn=arn, Message="x"),
        take=lambda: owner.set_topic_attributes(**policy, AttributeValue=deny),
        give=lambda: owner.set_topic_attributes(**policy, AttributeValue=first),
    )


def _secret_policy(calling: Calling) -> Change:
    owner = calling.root("secretsmanager")
    arn = owner.create_secret(Name="dsn", SecretString="x")["ARN"]
    secrets = calling.client("secretsmanager", calling.user(allow("secretsmanager:GetSecretValue")))
    deny = {"Effect": "Deny", "Principal": "*", "Action": "secretsmanager:GetSecretValue", "Resource": "*"}
    return Change(
        call=lambda: secrets.get_secret_value(SecretId=arn),
        take=lambda: owner.put_resource_policy(SecretId=arn, ResourcePolicy=document(deny)),
        give=lambda: owner.delete_resource_policy(SecretId=arn),
    )


def _key_policy(calling: Calling) -> Change:
    owner, lets = calling.root("kms"), allow("kms:*", Principal=_ACCOUNT_ROOT)
    key = owner.create_key(Policy=document(lets))["KeyMetadata"]["KeyId"]
    kms = calling.client("kms", calling.user(allow("kms:DescribeKey")))
    shut, policy = allow("kms:PutKeyPolicy", Principal=_ACCOUNT_ROOT), {"KeyId": key, "PolicyName": "default"}
    return Change(
        call=lambda: kms.describe_key(KeyId=key),
        take=lambda: owner.put_key_policy(**policy, Policy=document(shut)),
        give=lambda: owner.put_key_policy(**policy, Policy=document(lets)),
    )


def _grant(calling: Calling) -> Change:
    owner = calling.root("kms")
    key = owner.create_key(Policy=document(allow("kms:*", Principal=_ACCOUNT_ROOT)))["KeyMetadata"]["KeyId"]
    kms, grants = calling.client("kms", calling.user()), list[str]()

    def give() -> None:
        made = owner.create_grant(KeyId=key, GranteePrincipal=_ANN, Operations=["DescribeKey"])
        grants.append(made["GrantId"])

    give()
    return Change(
        call=lambda: kms.describe_key(KeyId=key),
        take=lambda: owner.revoke_grant(KeyId=key, GrantId=grants.pop()),
        give=give,
    )


def _alias(calling: Calling) -> Change:
    owner = calling.root("kms")
    key = owner.create_key(Policy=document(allow("kms:*", Principal=_ACCOUNT_ROOT)))["KeyMetadata"]["KeyId"]
    owner.create_alias(AliasName="alias/lake", TargetKeyId=key)
    known = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/lake"}}
    kms = calling.client("kms", calling.user(allow("kms:DescribeKey", Condition=known)))
    return Change(
        call=lambda: kms.describe_key(KeyId=key),
        take=lambda: owner.delete_alias(AliasName="alias/lake"),
        give=lambda: owner.create_alias(AliasName="alias/lake", TargetKeyId=key),
    )


_CHANGES = (
    _bucket_policy, _queue_policy, _permission_on_a_queue, _topic_policy, _secret_policy, _key_policy, _grant, _alias,
)  # fmt: skip


@pytest.mark.parametrize("made", _CHANGES, ids=lambda made: made.__name__.strip("_"))
def test_a_right_that_was_used_ends_and_begins_with_the_policy_of_the_resource(
    calling: Calling, made: Callable[[Calling], Change]
) -> None:
    ends_and_begins(made(calling))
