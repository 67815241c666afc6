"""What an update leaves, takes away and gives back; and what a deletion leaves that fails half-way."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from rds_lake_tests.localcloud.stacks.deploying import Formation, queue, soon

_CHAIN = {
    "Resources": {"A": queue(), "B": queue() | {"DependsOn": "A"}, "C": queue() | {"DependsOn": "B"}, "Other": queue()}
}


def _names(formation: Formation) -> set[str]:
    """Logical ids of the resources that are not deleted."""
    found = formation.api.describe_stack_resources(StackName="lake")["StackResources"]
    return {one["LogicalResourceId"] for one in found if one["ResourceStatus"] != "DELETE_COMPLETE"}


def _told(**values: str) -> dict[str, Any]:
    """A template with one queue and these outputs."""
    outputs = {name: {"Value": value} for name, value in values.items()}
    return {"Resources": {"Q": queue(QueueName="told")}, "Outputs": outputs}


@pytest.mark.exhaustive
def test_the_same_token_is_no_second_update(formation: Formation) -> None:
    id_ = formation.deploy({"Resources": {"Q": queue(DelaySeconds=1)}})["StackId"]
    formation.update({"Resources": {"Q": queue(DelaySeconds=2)}}, ClientRequestToken="u1")
    before = formation.events()
    again = formation.api.update_stack(StackName="lake", TemplateBody="{}", ClientRequestToken="u1")
    assert (again["StackId"], formation.events()) == (id_, before)
    with pytest.raises(ClientError, match="Resources"):
        formation.api.update_stack(StackName="lake", TemplateBody="{}", ClientRequestToken="u2")


def test_a_resource_that_is_left_out_goes_and_what_replaced_another_takes_its_place(formation: Formation) -> None:
    formation.deploy({"Resources": {"Stays": queue(QueueName="one"), "Gone": queue()}})
    formation.update({"Resources": {"Stays": queue(QueueName="two")}})
    assert _names(formation) == {"Stays"}
    assert [url.rpartition("/")[2] for url in formation.queues()] == ["two"]


@pytest.mark.exhaustive
@pytest.mark.parametrize(("policy", "left"), [("Retain", ["one", "two"]), ("Delete", ["two"])])
def test_a_replaced_resource_stays_where_its_policy_says_so(formation: Formation, policy: str, left: list[str]) -> None:
    kept = {"UpdateReplacePolicy": policy}
    formation.deploy({"Resources": {"Q": queue(QueueName="one") | kept}})
    formation.update({"Resources": {"Q": queue(QueueName="two") | kept}})
    assert sorted(url.rpartition("/")[2] for url in formation.queues()) == left
    formation.delete()
    assert [url.rpartition("/")[2] for url in formation.queues()] == left[:-1]


@pytest.mark.exhaustive
def test_a_resource_that_is_left_out_stays_where_its_policy_says_so(formation: Formation) -> None:
    formation.deploy({"Resources": {"Kept": queue() | {"DeletionPolicy": "Retain"}, "Other": queue()}})
    formation.update({"Resources": {"Other": queue()}})
    assert _names(formation) == {"Other"} and len(formation.queues()) == 2


@pytest.mark.exhaustive
@pytest.mark.parametrize(("fails", "left"), [("B", {"A", "B"}), ("C", {"A", "B", "C"}), ("A", {"A"})])
def test_what_a_resource_needs_that_cannot_be_deleted_is_not_touched(
    formation: Formation, fails: str, left: set[str]
) -> None:
    formation.deploy(_CHAIN)
    formation.fault(resource=fails, action="delete", fail="in use")
    stack = formation.delete()
    assert stack["StackStatusReason"] == f"The following resource(s) failed to delete: [{fails}]. "
    assert _names(formation) == left
    assert {name for name, state in formation.events() if state == "DELETE_IN_PROGRESS"} - {"lake"} == {
        "Other",
        *({"A", "B", "C"} - left),
        fails,
    }
    assert formation.delete()["StackStatus"] == "DELETE_COMPLETE"


def test_a_failed_update_leaves_outputs_parameters_and_template_as_they_were(formation: Formation) -> None:
    formation.deploy(_told(First="1"))
    formation.fault(resource="More", action="create", fail="no")
    template = _told(First="2", Second="2")
    template["Resources"]["More"] = queue()
    stack = formation.update(template, Tags=[{"Key": "team", "Value": "data"}])
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert formation.outputs() == {"First": "1"} and not stack.get("Tags")
    assert "More" not in formation.api.get_template(StackName="lake")["TemplateBody"]["Resources"]


@pytest.mark.exhaustive
def test_an_output_that_cannot_be_computed_fails_the_update_and_leaves_those_there_are(formation: Formation) -> None:
    formation.deploy(_told(First="1"))
    template = _told(First="2")
    template["Outputs"]["Wrong"] = {"Value": {"Fn::Select": ["7", {"Fn::Split": [",", {"Ref": "Q"}]}]}}
    assert formation.update(template)["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert formation.outputs() == {"First": "1"}


@pytest.mark.exhaustive
def test_an_update_that_was_cancelled_can_be_made_again(formation: Formation) -> None:
    formation.deploy({"Resources": {"A": queue(DelaySeconds=1), "B": queue(DelaySeconds=1) | {"DependsOn": "A"}}})
    after = {"Resources": {"A": queue(DelaySeconds=2), "B": queue(DelaySeconds=2) | {"DependsOn": "A"}}}
    formation.fault(resource="A", action="update", delay_seconds=1)
    formation.api.update_stack(StackName="lake", TemplateBody=str(after).replace("'", '"'))
    formation.api.cancel_update_stack(StackName="lake")
    assert formation.ended()["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert formation.reason("UPDATE_ROLLBACK_IN_PROGRESS") == "User Initiated"
    assert formation.update(after)["StackStatus"] == "UPDATE_COMPLETE"


@pytest.mark.exhaustive
def test_a_cancellation_that_comes_too_late_does_not_strike_the_next_update(formation: Formation) -> None:
    formation.deploy({"Resources": {"Q": queue(DelaySeconds=1)}})
    formation.fault(resource="Q", action="update", delay_seconds=1)
    late = str({"Resources": {"Q": queue(DelaySeconds=2)}}).replace("'", '"')
    formation.api.update_stack(StackName="lake", TemplateBody=late)
    soon(lambda: ("Q", "UPDATE_IN_PROGRESS") in formation.events())
    formation.api.cancel_update_stack(StackName="lake")
    assert formation.ended()["StackStatus"] == "UPDATE_COMPLETE"
    assert formation.update({"Resources": {"Q": queue(DelaySeconds=3)}})["StackStatus"] == "UPDATE_COMPLETE"


@pytest.mark.exhaustive
def test_a_creation_is_given_up_by_deleting_its_stack_and_leaves_nothing(formation: Formation) -> None:
    """https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html"""
    formation.fault(resource="Q", action="create", delay_seconds=1)
    formation.api.create_stack(StackName="lake", TemplateBody=str({"Resources": {"Q": queue()}}).replace("'", '"'))
    stack = formation.api.describe_stacks(StackName="lake")["Stacks"][0]["StackId"]
    formation.api.delete_stack(StackName="lake")
    assert formation.ended(stack)["StackStatus"] == "DELETE_COMPLETE"
