"""The lake's stack in the local cloud: created, updated and removed, with every way in which that goes wrong."""

from __future__ import annotations

from typing import Any

import pytest

from rds_lake.errors import AwsError, ConfigError, StackError
from rds_lake_tests.infra.stack.conftest import Site
from rds_lake_tests.support.world import post

_RESOURCES = 19  # of the lake `rds`, with the parameters' defaults


def test_a_new_stack_names_every_resource_once_counts_them_and_ends_with_the_keys_of_lake_yaml(site: Site) -> None:
    site.deploy()
    complete = site.told("CREATE_COMPLETE")
    made = [line.split("  ")[-3] for line in complete if " of " in line and "AWS::CloudFormation::Stack" not in line]
    assert len(made) == len(set(made)) == _RESOURCES
    assert f"{_RESOURCES} of {_RESOURCES}" in complete[-2]
    events = site.told(" of ")
    assert len(events) == len(set(events))
    assert [line.split(" ")[0] for line in events] == sorted(line.split(" ")[0] for line in events)
    assert {"  bucket: acme-lake", "  workgroup: acme", "  kms_key: alias/acme"} <= set(site.lines)
    assert site.told("The role that Dagster runs as: arn:aws:iam::")


def test_the_same_again_changes_nothing_and_says_so(site: Site) -> None:
    site.deploy()
    site.lines.clear()
    site.deploy()
    assert site.lines[0] == "stack lake is up to date: nothing to change"
    assert "  bucket: acme-lake" in site.lines


@pytest.mark.exhaustive
def test_a_parameter_is_changed_by_an_update_and_kept_by_the_next(site: Site) -> None:
    site.deploy()
    site.lines.clear()
    stack = site.deploy(NamePrefix="other")
    assert stack.status == "UPDATE_COMPLETE"
    assert site.told("PipelineRole") and not site.told("Workgroup  AWS::Athena::WorkGroup  UPDATE")
    site.lines.clear()
    assert site.deploy(PipelineRunsOn="account").parameters["NamePrefix"] == "other"


@pytest.mark.exhaustive
def test_what_nobody_chose_follows_lake_yaml(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.deploy()
    order = site.order()
    monkeypatch.setitem(
        order.body["Parameters"], "NamePrefix", order.body["Parameters"]["NamePrefix"] | {"Default": "x"}
    )
    assert site.deploy().parameters["NamePrefix"] == "x"


def test_a_failed_creation_names_the_first_reason_and_the_way_out_works(site: Site) -> None:
    site.formation.fault(resource="EventsQueue", fail="no more queues today")
    with pytest.raises(StackError, match=r"ROLLBACK_COMPLETE: its creation failed.*--remove") as caught:
        site.deploy()
    assert caught.value.problems[0].startswith("EventsQueue (AWS::SQS::Queue), CREATE_FAILED: no more queues today")
    with pytest.raises(StackError, match="no more queues today"):
        site.deploy()
    site.remove()
    assert site.told("stack lake is deleted") and site.told("stays: bucket acme-lake")
    assert site.deploy(Bucket="existing", Databases="existing", KeyArn=key_of(site)).status == "CREATE_COMPLETE"


def key_of(site: Site) -> str:
    (line,) = site.told("stays: key ")
    return site.formation.client("kms").describe_key(KeyId=line.split()[2].rstrip(";"))["KeyMetadata"]["Arn"]


@pytest.mark.exhaustive
def test_a_failed_update_says_that_the_stack_is_as_before(site: Site) -> None:
    site.deploy()
    site.formation.fault(resource="ExportRole", action="update", fail="the boundary is not there")
    with pytest.raises(StackError, match=r"failed and was rolled back;[\s\S]*ExportRole .*the boundary is not there"):
        site.deploy(PermissionsBoundaryArn="arn:aws:iam::111122223333:policy/bounds")


@pytest.mark.exhaustive
def test_what_is_there_already_is_named_with_the_parameter_that_uses_it(site: Site) -> None:
    site.formation.client("s3").create_bucket(Bucket="acme-lake")
    site.formation.client("s3").put_object(Bucket="acme-lake", Key="one", Body=b"")
    site.formation.fault(
        resource="BucketItself",
        fail='"acme-lake already exists (…)" (RequestToken: …, HandlerErrorCode: AlreadyExists)',
    )
    with pytest.raises(StackError, match="use it with --parameter Bucket=existing"):
        site.deploy()


def test_what_stays_is_named_with_its_cost_and_the_rest_is_gone(site: Site) -> None:
    site.deploy()
    site.formation.client("s3").put_object(Bucket="acme-lake", Key="one", Body=b"")
    site.remove()
    assert site.told("stays: bucket acme-lake; costs S3's price of what is in it") == site.told("stays: bucket ")
    assert site.told("stays: key ")[0].count("1 USD a month") == 1
    assert (
        len(site.told("stays: ")) == len(site.told("DELETE_SKIPPED")) == 5
    )  # bucket and policy, key and alias, database
    assert site.told("stays: Glue database")[0].endswith("to deploy again: --parameter Databases=existing")
    assert site.told(f"{_RESOURCES} of {_RESOURCES}")
    assert site.formation.queues() == []
    site.lines.clear()
    site.remove()
    assert site.lines == ["the stack lake does not exist: nothing to remove"]


@pytest.mark.exhaustive
def test_a_deletion_that_fails_names_the_resource_and_can_be_repeated(site: Site) -> None:
    site.deploy()
    site.formation.fault(resource="Workgroup", action="delete", fail="it has saved queries")
    with pytest.raises(StackError, match=r"DELETE_FAILED[\s\S]*Workgroup .*it has saved queries"):
        site.remove()
    with pytest.raises(StackError, match="could not be deleted completely"):
        site.deploy()
    site.remove()
    assert site.told("stack lake is deleted")


@pytest.mark.exhaustive
def test_somebody_elses_operation_is_waited_for_with_its_progress(site: Site) -> None:
    site.formation.fault(resource="Workgroup", delay_seconds=0.3)
    site.begin()
    site.deploy()
    assert site.told("stack lake is in CREATE_IN_PROGRESS, started by another user or role")
    assert site.told("Workgroup  AWS::Athena::WorkGroup  CREATE_COMPLETE")
    assert site.told("up to date")


@pytest.mark.exhaustive
def test_who_comes_second_at_the_same_moment_waits_and_looks_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment, looks = site.deployment(), []
    look = type(deployment.stacks).look

    def late(stacks: Any, stack_id: str | None = None) -> Any:
        found = look(stacks, stack_id)
        if not looks:
            looks.append(found)
            site.begin()
        return found

    monkeypatch.setattr(type(deployment.stacks), "look", late)
    assert deployment.deploy(site.order()).status == "CREATE_COMPLETE"
    assert looks == [None]
    assert site.told("up to date")


@pytest.mark.exhaustive
def test_a_stack_that_does_not_move_is_given_up_with_a_sentence(site: Site) -> None:
    site.formation.fault(resource="EventsQueue", delay_seconds=600)
    now, slept = [0.0], []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds * 60

    with pytest.raises(StackError, match=r"nothing has happened for 30 minutes; under way: .*EventsQueue"):
        site.deployment(clock=lambda: now[0], sleep=sleep).deploy(site.order())
    assert slept[-1] == 5.0


def test_another_lakes_stack_is_neither_updated_nor_removed(site: Site) -> None:
    site.formation.deploy({"Description": "network", "Resources": {"Q": {"Type": "AWS::SQS::Queue"}}})
    for work in (site.deploy, site.remove):
        with pytest.raises(StackError, match="is another lake's and was not changed: its description is 'network'"):
            work()
    assert len(site.formation.queues()) == 1


def test_a_denied_call_names_the_right_and_who_prints_the_policy(site: Site) -> None:
    status, answer = post(
        f"{site.formation.cloud.url}/_local/faults", {"deny": [{"action": "cloudformation:CreateStack"}]}
    )
    assert status == 200, answer
    with pytest.raises(
        StackError, match=r"the right cloudformation:CreateStack is missing.*rds-lake policy --for deployer"
    ):
        site.deploy()
    assert site.formation.api.list_stacks()["StackSummaries"] == []


@pytest.mark.exhaustive
def test_parameters_that_the_template_has_not_are_refused_before_anything_is_asked(site: Site) -> None:
    with pytest.raises(ConfigError, match=r"Databases.*but not:") as caught:
        site.deploy(Buckets="new", Colour="red")
    assert caught.value.problems == ("Buckets", "Colour")


@pytest.mark.exhaustive
def test_cloudformations_own_refusals_come_through(site: Site) -> None:
    with pytest.raises(AwsError, match="NamePrefix"):
        site.deploy(NamePrefix="-")


@pytest.mark.exhaustive
def test_the_confirmation_of_the_mail_is_said(site: Site) -> None:
    site.lake = "aurora"
    site.deploy(NotificationEmail="data@example.com")
    assert site.told("AWS has sent a mail to data@example.com: until the recipient confirms it")
