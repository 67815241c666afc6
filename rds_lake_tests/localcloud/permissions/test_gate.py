"""The gate: what a key's policies do not allow is refused as AWS refuses it, and every decision can be read."""

import json
from typing import Any
from urllib.request import urlopen

import pytest
from botocore.exceptions import ClientError

from rds_lake_tests.localcloud.permissions.calling import Calling, allow, decided, document, refused
from rds_lake_tests.support.world import post

_ANN = "arn:aws:iam::123456789012:user/ann"
_LAKE = "arn:aws:s3:::lake-bucket"
_HERE = "us-east-1:123456789012"


def why(action: str) -> str:
    return f"because no identity-based policy allows the {action} action"


@pytest.mark.parametrize(
    ("service", "operation", "params", "code", "status", "action", "resource"),
    [
        ("s3", "get_object", {"Bucket": "lake-bucket", "Key": "ä b"}, "AccessDenied", 403, "s3:GetObject", f'"{_LAKE}/ä b"'),
        ("rds", "describe_db_instances", {}, "AccessDenied", 403, "rds:DescribeDBInstances", f"arn:aws:rds:{_HERE}:db:*"),
        ("glue", "get_databases", {}, "AccessDeniedException", 400, "glue:GetDatabases", f"arn:aws:glue:{_HERE}:catalog"),
        ("dynamodb", "list_tables", {}, "AccessDeniedException", 400, "dynamodb:ListTables", "*"),
        ("sns", "create_topic", {"Name": "t"}, "AuthorizationError", 403, "SNS:CreateTopic", f"arn:aws:sns:{_HERE}:t"),
        ("sqs", "create_queue", {"QueueName": "q"}, "AccessDenied", 403, "sqs:createqueue", f"arn:aws:sqs:{_HERE}:q"),
        ("kms", "create_key", {}, "AccessDeniedException", 400, "kms:CreateKey", "*"),
        ("iam", "get_role", {"RoleName": "r"}, "AccessDenied", 403, "iam:GetRole", "arn:aws:iam::123456789012:role/r"),
    ],
)  # fmt: skip
def test_a_call_without_permission_is_refused_in_the_words_and_form_of_its_service(
    calling: Calling, service: str, operation: str, params: Any, code: str, status: int, action: str, resource: str
) -> None:
    keys = calling.user()
    with pytest.raises(ClientError) as caught:
        getattr(calling.client(service, keys), operation)(**params)
    said = f"User: {_ANN} is not authorized to perform: {action} on resource: {resource} {why(action)}"
    assert refused(caught.value) == (code, said, status)


def test_a_key_that_no_iam_knows_may_do_everything_and_leaves_no_record(calling: Calling) -> None:
    calling.root("s3").create_bucket(Bucket="lake-bucket")
    assert list(decided(calling.cloud)) == []


def test_the_caller_without_rights_is_still_told_who_it_is(calling: Calling) -> None:
    assert calling.client("sts", calling.user()).get_caller_identity()["Account"] == "123456789012"


def test_head_is_refused_without_a_body_so_that_the_connection_serves_the_next_request(calling: Calling) -> None:
    keys = calling.user()
    for _ in range(3):
        with pytest.raises(ClientError) as caught:
            calling.client("s3", keys).head_object(Bucket="lake-bucket", Key="x")
        assert refused(caught.value) == ("403", "Forbidden", 403)


def test_a_policy_that_changes_counts_with_the_next_request(calling: Calling) -> None:
    keys = calling.user(allow("glue:GetDatabases"))
    assert calling.client("glue", keys).get_databases()["DatabaseList"] == []
    calling.set_policy(allow("glue:GetTables"))
    with pytest.raises(ClientError, match="glue:GetDatabases"):
        calling.client("glue", keys).get_databases()


def test_managed_policies_and_those_of_groups_count(calling: Calling) -> None:
    iam, keys = calling.root("iam"), calling.user()
    iam.create_group(GroupName="readers")
    iam.add_user_to_group(GroupName="readers", UserName="ann")
    arn = iam.create_policy(PolicyName="lists", PolicyDocument=document(allow("s3:ListAllMyBuckets")))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    iam.put_group_policy(GroupName="readers", PolicyName="g", PolicyDocument=document(allow("sns:ListTopics")))
    calling.client("s3", keys).list_buckets()
    calling.client("sns", keys).list_topics()


def test_a_session_has_its_roles_rights_within_boundary_and_session_policy(calling: Calling) -> None:
    boundary = calling.root("iam").create_policy(
        PolicyName="limit", PolicyDocument=document(allow(["s3:ListAllMyBuckets", "sns:*"]))
    )["Policy"]["Arn"]
    role = calling.role(allow(["s3:*", "sns:*", "glue:*"]), PermissionsBoundary=boundary)
    keys = calling.assume(role, Policy=document(allow(["s3:*", "glue:*"])))
    calling.client("s3", keys).list_buckets()
    with pytest.raises(ClientError, match="because no permissions boundary allows the glue:GetDatabases action"):
        calling.client("glue", keys).get_databases()
    with pytest.raises(ClientError, match="because no session policy allows the SNS:ListTopics action"):
        calling.client("sns", keys).list_topics()


def test_a_role_lets_in_only_whom_it_trusts(calling: Calling) -> None:
    role = calling.role(trusts=document({"Effect": "Allow", "Principal": {"AWS": _ANN}, "Action": "sts:AssumeRole"}))
    ann, ben = calling.user(), calling.user(allow("sts:AssumeRole"), name="ben")
    calling.client("sts", ann).assume_role(RoleArn=role, RoleSessionName="night")
    with pytest.raises(ClientError, match="because no role trust policy allows the sts:AssumeRole action"):
        calling.client("sts", ben).assume_role(RoleArn=role, RoleSessionName="night")


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("s3", "list_buckets", "InvalidAccessKeyId"), ("rds", "describe_db_instances", "InvalidClientTokenId"),
        ("glue", "get_databases", "UnrecognizedClientException"),
    ],
)  # fmt: skip
def test_a_key_that_is_disabled_or_deleted_is_refused(
    calling: Calling, service: str, operation: str, code: str
) -> None:
    iam, keys = calling.root("iam"), calling.user(allow("*"))
    call = getattr(calling.client(service, keys), operation)
    call()
    iam.update_access_key(UserName="ann", AccessKeyId=keys["AccessKeyId"], Status="Inactive")
    with pytest.raises(ClientError, match=code):
        call()
    iam.delete_access_key(UserName="ann", AccessKeyId=keys["AccessKeyId"])
    with pytest.raises(ClientError, match=code):
        call()


def test_an_operation_whose_rights_are_not_known_is_refused_and_named(calling: Calling) -> None:
    with pytest.raises(ClientError, match=r"RightsNotKnown.*dynamodb\.ListBackups.*permissions/table"):
        calling.client("dynamodb", calling.user(allow("*"))).list_backups()
    calling.root("dynamodb").list_backups()


def test_each_key_of_delete_objects_is_decided_for_itself(calling: Calling) -> None:
    s3 = calling.root("s3")
    s3.create_bucket(Bucket="lake-bucket")
    for key in ("ours/1", "theirs/<&>"):
        s3.put_object(Bucket="lake-bucket", Key=key, Body=b"x")
    keys = calling.user(allow("s3:DeleteObject", f"{_LAKE}/ours/*"))
    asked = {"Objects": [{"Key": "ours/1"}, {"Key": "theirs/<&>"}]}
    answer = calling.client("s3", keys).delete_objects(Bucket="lake-bucket", Delete=asked)
    assert [item["Key"] for item in answer["Deleted"]] == ["ours/1"]
    (error,) = answer["Errors"]
    assert (error["Key"], error["Code"]) == ("theirs/<&>", "AccessDenied")
    assert [item["Key"] for item in s3.list_objects_v2(Bucket="lake-bucket")["Contents"]] == ["theirs/<&>"]


def test_only_who_may_list_a_bucket_is_told_that_an_object_is_not_there(calling: Calling) -> None:
    calling.root("s3").create_bucket(Bucket="lake-bucket")
    keys = calling.user(allow("s3:GetObject", f"{_LAKE}/*"))
    with pytest.raises(ClientError, match=r"AccessDenied.*s3:ListBucket"):
        calling.client("s3", keys).get_object(Bucket="lake-bucket", Key="none")
    calling.set_policy(allow("s3:GetObject", f"{_LAKE}/*"), allow("s3:ListBucket", _LAKE))
    with pytest.raises(ClientError, match="NoSuchKey"):
        calling.client("s3", keys).get_object(Bucket="lake-bucket", Key="none")


def test_a_bucket_policy_allows_and_denies_beside_the_callers_own(calling: Calling) -> None:
    s3, keys = calling.root("s3"), calling.user(allow("s3:*", f"{_LAKE}/b"))
    s3.create_bucket(Bucket="lake-bucket")
    for key in ("a", "b"):
        s3.put_object(Bucket="lake-bucket", Key=key, Body=b"x")
    ours = {"Principal": {"AWS": _ANN}, "Action": "s3:GetObject"}
    denied = ours | {"Effect": "Deny", "Resource": f"{_LAKE}/b"}
    policy = document(ours | {"Effect": "Allow", "Resource": f"{_LAKE}/a"}, denied)
    s3.put_bucket_policy(Bucket="lake-bucket", Policy=policy)
    calling.client("s3", keys).get_object(Bucket="lake-bucket", Key="a")
    with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
        calling.client("s3", keys).get_object(Bucket="lake-bucket", Key="b")


def test_objects_encrypted_with_a_key_need_rights_on_the_key(calling: Calling) -> None:
    s3, kms = calling.root("s3"), calling.root("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/lake", TargetKeyId=key)
    s3.create_bucket(Bucket="lake-bucket")
    keys = calling.user(allow("s3:*"))
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/lake"}
    with pytest.raises(ClientError, match=f"kms:GenerateDataKey on resource: {key}"):
        calling.client("s3", keys).put_object(Bucket="lake-bucket", Key="x", Body=b"x", **encrypted)
    s3.put_object(Bucket="lake-bucket", Key="x", Body=b"x", **encrypted)
    with pytest.raises(ClientError, match=f"kms:Decrypt on resource: {key}"):
        calling.client("s3", keys).get_object(Bucket="lake-bucket", Key="x")
    through_s3 = {"StringEquals": {"kms:ViaService": "s3.us-east-1.amazonaws.com"}}
    calling.set_policy(allow("s3:*"), allow(["kms:GenerateDataKey", "kms:Decrypt"], key, Condition=through_s3))
    calling.client("s3", keys).put_object(Bucket="lake-bucket", Key="x", Body=b"x", **encrypted)
    calling.client("s3", keys).get_object(Bucket="lake-bucket", Key="x")


def test_decisions_are_recorded_with_what_decided_until_a_reset(calling: Calling) -> None:
    keys = calling.user(allow("sns:ListTopics") | {"Sid": "Lists"})
    calling.client("sns", keys).list_topics()
    with urlopen(f"{calling.cloud.url}/_local/decisions") as answer:
        (decision,) = json.load(answer)["decisions"]
    assert decision["context"].pop("aws:RequestedRegion") == ["us-east-1"]
    told = {key: decision[key] for key in decision if key not in ("time", "context")}
    assert told == {
        "principal": _ANN, "action": "sns:ListTopics", "resource": "*", "effect": "allow", "statement": "own: Lists",
        "operation": "sns.ListTopics", "via": "",
    }  # fmt: skip
    calling.cloud.reset()
    assert list(decided(calling.cloud)) == []


def test_calls_of_root_are_recorded_where_that_is_asked_for(calling: Calling) -> None:
    where = f"{calling.cloud.url}/_local/decisions"
    assert post(where, {"record_all": "yes"})[0] == 400
    assert post(where, {"record_all": True}) == (200, {"record_all": True})
    calling.root("sns").list_topics()
    assert list(decided(calling.cloud)) == [("sns:ListTopics", "*", "allow")]


def test_a_key_is_known_to_conditions_by_its_aliases(calling: Calling) -> None:
    kms = calling.root("kms")
    ours, other = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    kms.create_alias(AliasName="alias/ours", TargetKeyId=ours)
    named = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": "alias/ours"}}
    mine = calling.client("kms", calling.user(allow("kms:DescribeKey", Condition=named)))
    assert mine.describe_key(KeyId="alias/ours")["KeyMetadata"]["Arn"] == ours
    with pytest.raises(ClientError, match="kms:DescribeKey on resource: "):
        mine.describe_key(KeyId=other)
