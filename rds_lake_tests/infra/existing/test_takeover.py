"""`rds-lake setup` over an installation of release 0.1: nothing is made twice, nothing is replaced, nothing is deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rds_lake_tests.infra.existing.conftest import Site
from rds_lake_tests.infra.existing.release_0_1 import ROLE_POLICY, plain_setup

NEW = {"PipelineRole", "Undelivered", "UndeliveredPolicy"}


@pytest.fixture
def old(site: Site) -> Site:
    plain_setup(site.cloud, site.config("all"))
    return site


def everything(site: Site) -> dict[str, Any]:
    """The names of what an installation consists of."""
    client = site.client
    return {
        "buckets": sorted(bucket["Name"] for bucket in client("s3").list_buckets()["Buckets"]),
        "queues": sorted(url.rpartition("/")[2] for url in client("sqs").list_queues()["QueueUrls"]),
        "rules": sorted(rule["Name"] for rule in client("events").list_rules()["Rules"]),
        "keys": [key["KeyId"] for key in client("kms").list_keys()["Keys"]],
        "roles": sorted(role["RoleName"] for role in client("iam").list_roles()["Roles"]),
        "topics": [topic["TopicArn"] for topic in client("sns").list_topics()["Topics"]],
        "workgroups": sorted(one["Name"] for one in client("athena").list_work_groups()["WorkGroups"]),
        "jobs": client("glue").get_job(JobName="acme-convert")["Job"]["Name"],
    }


def test_what_is_there_is_used_and_only_what_is_missing_is_made(old: Site) -> None:
    before = everything(old)
    old.setup(old.config("all"))
    alarms = {name for name in old.made() if name.endswith("Alarm")}
    databases = {name for name in old.made() if name.startswith("Database")}
    assert old.made() == NEW | alarms | databases
    assert len(alarms) == 7
    after = everything(old)
    assert after["queues"] == sorted([*before["queues"], "acme-undelivered"])
    assert after["roles"] == sorted([*before["roles"], "acme-pipeline"])
    assert {name: after[name] for name in before.keys() - {"queues", "roles"}} == {
        name: before[name] for name in before.keys() - {"queues", "roles"}
    }


@pytest.mark.exhaustive
def test_every_thing_that_is_used_is_named_and_what_was_added_is_said(old: Site) -> None:
    old.setup(old.config("all"))
    for words in (
        "bucket acme-lake exists", "bucket acme-exports exists", "KMS key alias/acme exists", "acme-alerts exists",
        "queue acme-events exists", "queue acme-events-dead exists", "rule acme-events exists", "role acme-export exists",
        "role acme-convert exists", "workgroup acme exists", "Glue job acme-convert exists",
    ):  # fmt: skip
        assert len(old.told(words)) == 1, words
    added = [line for line in old.lines if line.startswith(("  added", "  changed"))]
    first, second = added
    assert "alarms of this lake may publish" in first
    assert "Glue job acme-convert is of this release" in second


@pytest.mark.exhaustive
def test_what_a_person_narrowed_stays_and_the_job_is_of_this_release(old: Site) -> None:
    old.setup(old.config("all"))
    policy = old.client("iam").get_role_policy(RoleName="acme-export", PolicyName="rds-lake")["PolicyDocument"]
    assert policy == ROLE_POLICY
    job = old.client("glue").get_job(JobName="acme-convert")["Job"]
    assert "/_jobs/old/" not in job["Command"]["ScriptLocation"]
    script = job["Command"]["ScriptLocation"].removeprefix("s3://acme-lake/")
    assert old.client("s3").head_object(Bucket="acme-lake", Key=script)["ContentLength"] > 0


@pytest.mark.exhaustive
def test_events_still_reach_the_queue_through_the_old_rules(old: Site) -> None:
    old.setup(old.config("all"))
    entry = {"Source": "aws.rds", "DetailType": "RDS DB Snapshot Event", "Detail": '{"EventID": "RDS-EVENT-0091"}'}
    old.client("events").put_events(Entries=[entry])
    sqs = old.client("sqs")
    url = sqs.get_queue_url(QueueName="acme-events")["QueueUrl"]
    assert len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 1


@pytest.mark.exhaustive
def test_a_rule_that_no_source_needs_any_more_may_still_send(old: Site) -> None:
    """`acme-events.backup` was made for every lake; a lake without AWS Backup has no such rule now."""
    before = old.policy_of("acme-events")
    old.setup(old.config("rds", notifications=None))
    assert old.policy_of("acme-events") == before


def test_a_second_setup_changes_nothing_and_removal_leaves_what_was_there(old: Site) -> None:
    before = everything(old)
    old.setup(old.config("all"))
    old.setup(old.config("all"))
    assert old.told("nothing to change") and not old.told("added")
    old.setup(old.config("all"), remove=True)
    assert old.told("stack acme is deleted")
    assert everything(old) == before
    assert json.loads(json.dumps(old.policy_of("acme-events")))["Statement"][0]["Sid"] == "RdsLakeRules"


@pytest.mark.exhaustive
def test_a_stack_that_was_removed_is_made_again_beside_what_stayed(site: Site) -> None:
    config = site.config("all")
    site.setup(config)
    own = site.made()
    site.setup(config)
    assert site.told("nothing to change") and not site.told("exists"), (
        "the stack's own is not taken for somebody else's"
    )
    site.setup(config, remove=True)
    site.setup(config)
    stayed = {"BucketItself", "BucketPolicy", "ExportBucketItself", "ExportBucketPolicy", "Key", "KeyAlias"}
    assert site.made() == {name for name in own - stayed if not name.startswith("Database")}
