"""What was decided before is forgotten with every change of a caller's policies, in both directions."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from rds_lake.localcloud.permissions.authorizer import Asked
from rds_lake.localcloud.permissions.needs import Need
from rds_lake_tests.localcloud.permissions.calling import TRUST_ACCOUNT, Calling, allow, document
from rds_lake_tests.localcloud.permissions.changing import Change, ends_and_begins

_NOTHING = document(allow("sts:GetCallerIdentity"))
_TOPICS = document(allow("sns:ListTopics"))


def _user_policy(calling: Calling) -> Change:
    topics = calling.client("sns", calling.user(allow("sns:ListTopics")))
    return Change(
        call=topics.list_topics,
        take=lambda: calling.set_policy(allow("sns:ListSubscriptions")),
        give=lambda: calling.set_policy(allow("sns:ListTopics")),
    )


def _user_policy_removed(calling: Calling) -> Change:
    topics, iam = calling.client("sns", calling.user(allow("sns:ListTopics"))), calling.root("iam")
    return Change(
        call=topics.list_topics,
        take=lambda: iam.delete_user_policy(UserName="ann", PolicyName="own"),
        give=lambda: calling.set_policy(allow("sns:ListTopics")),
    )


def _version_of_a_managed_policy(calling: Calling) -> Change:
    iam, topics = calling.root("iam"), calling.client("sns", calling.user())
    arn = iam.create_policy(PolicyName="shared", PolicyDocument=_TOPICS)["Policy"]["Arn"]
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=_NOTHING, SetAsDefault=False)
    return Change(
        call=topics.list_topics,
        take=lambda: iam.set_default_policy_version(PolicyArn=arn, VersionId="v2"),
        give=lambda: iam.set_default_policy_version(PolicyArn=arn, VersionId="v1"),
    )


def _attached_policy(calling: Calling) -> Change:
    iam = calling.root("iam")
    arn = iam.create_policy(PolicyName="shared", PolicyDocument=_TOPICS)["Policy"]["Arn"]
    topics, attached = calling.client("sns", calling.assume(calling.role())), {"RoleName": "worker", "PolicyArn": arn}
    iam.attach_role_policy(**attached)
    return Change(
        call=topics.list_topics,
        take=lambda: iam.detach_role_policy(**attached),
        give=lambda: iam.attach_role_policy(**attached),
    )


def _group(calling: Calling) -> Change:
    iam, topics = calling.root("iam"), calling.client("sns", calling.user())
    iam.create_group(GroupName="readers")
    iam.put_group_policy(GroupName="readers", PolicyName="own", PolicyDocument=_TOPICS)
    member = {"GroupName": "readers", "UserName": "ann"}
    iam.add_user_to_group(**member)
    return Change(
        call=topics.list_topics,
        take=lambda: iam.remove_user_from_group(**member),
        give=lambda: iam.add_user_to_group(**member),
    )


def _policy_of_a_group(calling: Calling) -> Change:
    iam, topics = calling.root("iam"), calling.client("sns", calling.user())
    iam.create_group(GroupName="readers")
    iam.add_user_to_group(GroupName="readers", UserName="ann")
    own = {"GroupName": "readers", "PolicyName": "own"}
    iam.put_group_policy(**own, PolicyDocument=_TOPICS)
    return Change(
        call=topics.list_topics,
        take=lambda: iam.put_group_policy(**own, PolicyDocument=_NOTHING),
        give=lambda: iam.put_group_policy(**own, PolicyDocument=_TOPICS),
    )


def _role_policy(calling: Calling) -> Change:
    iam, own = calling.root("iam"), {"RoleName": "worker", "PolicyName": "own"}
    topics = calling.client("sns", calling.assume(calling.role(allow("sns:ListTopics"))))
    return Change(
        call=topics.list_topics,
        take=lambda: iam.put_role_policy(**own, PolicyDocument=_NOTHING),
        give=lambda: iam.put_role_policy(**own, PolicyDocument=_TOPICS),
    )


def _role_made_again(calling: Calling) -> Change:
    """A session of a role that was deleted has no rights, and those of the new role of that name once there is one."""
    iam, own = calling.root("iam"), {"RoleName": "worker", "PolicyName": "own"}
    topics = calling.client("sns", calling.assume(calling.role(allow("sns:ListTopics"))))

    def take() -> None:
        iam.delete_role_policy(**own)
        iam.delete_role(RoleName="worker")

    return Change(call=topics.list_topics, take=take, give=lambda: calling.role(allow("sns:ListTopics")))


def _boundary(calling: Calling) -> Change:
    iam = calling.root("iam")
    arn = iam.create_policy(PolicyName="limit", PolicyDocument=_NOTHING)["Policy"]["Arn"]
    topics = calling.client("sns", calling.assume(calling.role(allow("sns:ListTopics"))))
    return Change(
        call=topics.list_topics,
        take=lambda: iam.put_role_permissions_boundary(RoleName="worker", PermissionsBoundary=arn),
        give=lambda: iam.delete_role_permissions_boundary(RoleName="worker"),
    )


def _version_of_a_boundary(calling: Calling) -> Change:
    iam = calling.root("iam")
    arn = iam.create_policy(PolicyName="limit", PolicyDocument=_TOPICS)["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=_NOTHING, SetAsDefault=False)
    topics = calling.client("sns", calling.assume(calling.role(allow("sns:ListTopics"), PermissionsBoundary=arn)))
    return Change(
        call=topics.list_topics,
        take=lambda: iam.set_default_policy_version(PolicyArn=arn, VersionId="v2"),
        give=lambda: iam.set_default_policy_version(PolicyArn=arn, VersionId="v1"),
    )


def _key_of_a_user(calling: Calling) -> Change:
    iam, keys = calling.root("iam"), calling.user(allow("sns:ListTopics"))
    key = {"UserName": "ann", "AccessKeyId": keys["AccessKeyId"]}
    return Change(
        call=calling.client("sns", keys).list_topics,
        take=lambda: iam.update_access_key(**key, Status="Inactive"),
        give=lambda: iam.update_access_key(**key, Status="Active"),
    )


def _trust(calling: Calling) -> Change:
    iam, sts = calling.root("iam"), calling.client("sts", calling.user(allow("sts:AssumeRole")))
    role = calling.role()
    nobody = document(TRUST_ACCOUNT | {"Principal": {"Service": "glue.amazonaws.com"}})
    return Change(
        call=lambda: sts.assume_role(RoleArn=role, RoleSessionName="test"),
        take=lambda: iam.update_assume_role_policy(RoleName="worker", PolicyDocument=nobody),
        give=lambda: iam.update_assume_role_policy(RoleName="worker", PolicyDocument=document(TRUST_ACCOUNT)),
    )


_CHANGES = (
    _user_policy, _user_policy_removed, _version_of_a_managed_policy, _attached_policy, _group, _policy_of_a_group,
    _role_policy, _role_made_again, _boundary, _version_of_a_boundary, _key_of_a_user, _trust,
)  # fmt: skip


@pytest.mark.parametrize("made", _CHANGES, ids=lambda made: made.__name__.strip("_"))
def test_a_right_that_was_used_ends_and_begins_with_its_callers_policies(
    calling: Calling, made: Callable[[Calling], Change]
) -> None:
    ends_and_begins(made(calling))


def test_a_list_of_another_prefix_is_another_question(calling: Calling) -> None:
    below = {"StringEquals": {"s3:prefix": "a/"}}
    s3 = calling.client("s3", calling.user(allow("s3:ListBucket", Condition=below)))
    calling.root("s3").create_bucket(Bucket="lake-bucket")
    for _ in range(2):
        s3.list_objects_v2(Bucket="lake-bucket", Prefix="a/")
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.list_objects_v2(Bucket="lake-bucket", Prefix="b/")


def test_the_same_call_in_another_region_is_another_question(calling: Calling) -> None:
    keys = calling.user(allow("sns:ListTopics", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}}))
    for _ in range(2):
        calling.client("sns", keys).list_topics()
        with pytest.raises(ClientError, match="ListTopics"):
            calling.client("sns", keys, region="eu-west-1").list_topics()


def test_the_same_right_through_a_service_is_another_question(calling: Calling) -> None:
    through = {"ForAnyValue:StringEquals": {"aws:CalledVia": "athena.amazonaws.com"}}
    permissions = calling.cloud.permissions
    who = permissions.callers.find(calling.user(allow("s3:GetObject", Condition=through))["AccessKeyId"])
    need = Need(action="s3:GetObject", resource="arn:aws:s3:::lake-bucket/a")
    for _ in range(2):
        assert permissions.refusal(who, need, Asked(operation="s3.GetObject")) is not None
        assert permissions.refusal(who, need, Asked(operation="s3.GetObject", via="athena.amazonaws.com")) is None
