"""A stack's life: what it is in which state, what a failure leaves behind, what is changed and what replaced."""

import threading
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rds_lake_tests.localcloud.stacks.deploying import Formation, queue

_TWO = {"Resources": {"First": queue(), "Second": queue() | {"DependsOn": "First"}}}


def test_waiters_and_events_tell_of_a_stack_that_comes_and_goes(formation: Formation) -> None:
    id_ = formation.deploy(_TWO)["StackId"]
    waiting = {"Delay": 0.01, "MaxAttempts": 500}  # type: ignore[dict-item]
    formation.api.get_waiter("stack_create_complete").wait(StackName="lake", WaiterConfig=waiting)
    made = ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    expected = [
        ("lake", "CREATE_IN_PROGRESS"),
        *(("First", state) for state in made),
        *(("Second", state) for state in made),
    ]
    assert formation.events() == [*expected, ("lake", "CREATE_COMPLETE")]
    assert len(formation.queues()) == 2
    formation.api.delete_stack(StackName="lake")
    formation.api.get_waiter("stack_delete_complete").wait(StackName="lake", WaiterConfig=waiting)
    assert [name for name, state in formation.events(id_) if state == "DELETE_COMPLETE"] == ["Second", "First", "lake"]
    assert formation.queues() == []
    assert formation.api.list_stacks()["StackSummaries"][0]["StackStatus"] == "DELETE_COMPLETE"


def test_a_failed_creation_leaves_nothing_and_can_only_be_deleted(formation: Formation) -> None:
    formation.fault(resource="Second", fail="no more queues today")
    stack = formation.deploy(_TWO)
    assert (stack["StackStatus"], formation.queues()) == ("ROLLBACK_COMPLETE", [])
    assert formation.reason("CREATE_FAILED") == "no more queues today"
    assert formation.reason("ROLLBACK_IN_PROGRESS").startswith("The following resource(s) failed to create: [Second]. ")
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        formation.update(_TWO)
    assert formation.delete()["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("more", "status", "queues"),
    [({"DisableRollback": True}, "CREATE_FAILED", 1), ({"OnFailure": "DELETE"}, "DELETE_COMPLETE", 0)],
)
def test_the_caller_chooses_what_a_failed_creation_becomes(
    formation: Formation, more: dict[str, Any], status: str, queues: int
) -> None:
    formation.fault(resource="Second", action="create", fail="no")
    id_ = formation.api.create_stack(StackName="lake", TemplateBody=str(_TWO).replace("'", '"'), **more)["StackId"]
    assert formation.ended(id_)["StackStatus"] == status
    assert len(formation.queues()) == queues


@pytest.mark.exhaustive
def test_what_is_half_made_when_it_fails_is_taken_away_too(formation: Formation) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"NotificationConfiguration": {"TopicConfigurations": []}}}
    assert formation.deploy({"Resources": {"Bucket": bucket}})["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "only EventBridgeConfiguration" in formation.reason("CREATE_FAILED")
    assert formation.client("s3").list_buckets()["Buckets"] == []


@pytest.mark.exhaustive
def test_properties_change_in_place_and_names_by_a_new_queue(formation: Formation) -> None:
    formation.deploy({"Resources": {"Q": queue(VisibilityTimeout=40)}, "Outputs": {"Url": {"Value": {"Ref": "Q"}}}})
    url = formation.outputs()["Url"]
    template = {"Resources": {"Q": queue(VisibilityTimeout=50)}, "Outputs": {"Url": {"Value": {"Ref": "Q"}}}}
    assert formation.update(template)["StackStatus"] == "UPDATE_COMPLETE"
    assert formation.outputs()["Url"] == url
    sqs = formation.client("sqs")
    read = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert read == {"VisibilityTimeout": "50"}
    with pytest.raises(ClientError, match=r"No updates are to be performed\."):
        formation.update(template)
    template["Resources"]["Q"] = queue(QueueName="named")
    formation.update(template)
    assert [address.rpartition("/")[2] for address in formation.queues()] == ["named"]
    assert formation.outputs()["Url"].endswith("/named")
    assert ("Q", "DELETE_COMPLETE") in formation.events()


def test_a_failed_update_puts_everything_back(formation: Formation) -> None:
    before = {"Resources": {"A": queue(DelaySeconds=1), "B": queue(QueueName="old"), "Gone": queue(), "Same": queue()}}
    formation.deploy(before)
    there = sorted(formation.queues())
    new = {
        "A": queue(DelaySeconds=9),
        "B": queue(QueueName="new"),
        "Same": queue(),
        "C": queue() | {"DependsOn": ["A", "B"]},
    }
    formation.fault(resource="C", fail="never")
    assert formation.update({"Resources": new})["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert sorted(formation.queues()) == there
    assert not [state for name, state in formation.events() if name == "Same" and "UPDATE" in state]
    assert formation.reason("UPDATE_ROLLBACK_IN_PROGRESS").startswith(
        "The following resource(s) failed to update: [C]."
    )
    (first,) = (url for url in there if "lake-A" in url)
    read = formation.client("sqs").get_queue_attributes(QueueUrl=first, AttributeNames=["DelaySeconds"])
    assert read["Attributes"] == {"DelaySeconds": "1"}


@pytest.mark.exhaustive
def test_a_resource_that_keeps_its_name_cannot_be_replaced(formation: Formation) -> None:
    def named(bus: str) -> dict[str, Any]:
        return {
            "Type": "AWS::IAM::Role",
            "Properties": {"RoleName": "exporter", "Path": bus, "AssumeRolePolicyDocument": {}},
        }

    formation.deploy({"Resources": {"Role": named("/a/")}}, Capabilities=["CAPABILITY_NAMED_IAM"])
    formation.update({"Resources": {"Role": named("/b/")}}, Capabilities=["CAPABILITY_NAMED_IAM"])
    assert "Rename exporter and update the stack again." in formation.reason("UPDATE_FAILED")


def test_a_full_bucket_fails_the_deletion_until_it_may_stay(formation: Formation) -> None:
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "full"}}
    formation.deploy({"Resources": {"Bucket": bucket, "Queue": queue()}})
    formation.client("s3").put_object(Bucket="full", Key="one", Body=b"")
    with pytest.raises(ClientError, match="only when the stack is in the DELETE_FAILED state"):
        formation.delete(RetainResources=["Bucket"])
    stack = formation.delete()
    assert stack["StackStatus"] == "DELETE_FAILED"
    assert stack["StackStatusReason"] == "The following resource(s) failed to delete: [Bucket]. "
    assert (
        "not empty"
        in formation.api.describe_stack_resource(StackName="lake", LogicalResourceId="Bucket")["StackResourceDetail"][
            "ResourceStatusReason"
        ]
    )
    assert formation.delete(RetainResources=["Bucket"])["StackStatus"] == "DELETE_COMPLETE"
    assert formation.client("s3").head_bucket(Bucket="full")


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    ("policy", "rolled_back", "deleted"), [("Retain", 1, 1), ("RetainExceptOnCreate", 0, 1), ("Delete", 0, 0)]
)
def test_a_deletion_policy_decides_what_stays(
    formation: Formation, policy: str, rolled_back: int, deleted: int
) -> None:
    template = {"Resources": {"Kept": queue() | {"DeletionPolicy": policy}, "B": queue() | {"DependsOn": "Kept"}}}
    formation.fault(resource="B", action="create", fail="no")
    formation.deploy(template)
    assert len(formation.queues()) == rolled_back
    formation.cloud.reset()
    formation.deploy(template)
    formation.delete()
    assert len(formation.queues()) == deleted


@pytest.mark.exhaustive
def test_the_same_token_is_no_second_operation(formation: Formation) -> None:
    first = formation.deploy(_TWO, ClientRequestToken="t1")["StackId"]
    assert formation.api.create_stack(StackName="lake", TemplateBody="{}", ClientRequestToken="t1")["StackId"] == first
    with pytest.raises(ClientError) as caught:
        formation.deploy(_TWO, ClientRequestToken="t2")
    assert caught.value.response["Error"]["Code"] == "AlreadyExistsException"
    assert formation.api.describe_stack_events(StackName="lake")["StackEvents"][0]["ClientRequestToken"] == "t1"


@pytest.mark.exhaustive
def test_a_protected_stack_stays(formation: Formation) -> None:
    formation.deploy(_TWO, EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="cannot be deleted while TerminationProtection is enabled"):
        formation.delete()
    formation.api.update_termination_protection(StackName="lake", EnableTerminationProtection=False)
    assert formation.delete()["StackStatus"] == "DELETE_COMPLETE"


@pytest.mark.exhaustive
def test_a_reset_ends_what_is_under_way(formation: Formation) -> None:
    formation.fault(resource="Second", delay_seconds=600)
    formation.api.create_stack(StackName="lake", TemplateBody=str(_TWO).replace("'", '"'))
    assert formation.stack()["StackStatus"] == "CREATE_IN_PROGRESS"
    formation.cloud.reset()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("stack-")] == []
    assert formation.api.list_stacks()["StackSummaries"] == []


@pytest.mark.exhaustive
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sets(st.integers(0, 6)), min_size=1, max_size=7), st.randoms())
def test_resources_come_after_what_they_need_and_go_before_it(
    formation: Formation, needs: list[set[int]], random: Any
) -> None:
    formation.cloud.reset()
    graph = {
        f"Q{number}": [f"Q{other}" for other in sorted(needed) if other < number] for number, needed in enumerate(needs)
    }
    names = list(graph)
    random.shuffle(names)
    tags = {name: [{"Key": other, "Value": {"Ref": other}} for other in graph[name]] for name in names}
    id_ = formation.deploy({"Resources": {name: queue(Tags=tags[name]) for name in names}})["StackId"]
    made = [name for name, state in formation.events() if state == "CREATE_COMPLETE"]
    assert all(made.index(other) < made.index(name) for name in names for other in graph[name])
    formation.delete()
    gone = [name for name, state in formation.events(id_) if state == "DELETE_COMPLETE"]
    assert all(gone.index(name) < gone.index(other) for name in names for other in graph[name])
