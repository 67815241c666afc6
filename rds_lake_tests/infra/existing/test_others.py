"""What others put there: kept and added to, or refused with a sentence before anything is changed."""

from __future__ import annotations

import json

import pytest
from moto.s3.models import s3_backends

from rds_lake.errors import AwsError, ConfigError
from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake_tests.infra.existing.conftest import Site
from rds_lake_tests.support.world import post

QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:acme-events"


def refused(site: Site, *parameters: str, name: str = "all", **lake: object) -> ConfigError:
    """The error; no stack was made."""
    with pytest.raises(ConfigError) as caught:
        site.setup(site.config(name, **lake), *parameters)
    assert site.stacks() == []
    return caught.value


@pytest.mark.exhaustive
def test_those_that_may_send_to_an_existing_queue_still_may(site: Site) -> None:
    sqs = site.client("sqs")
    url = sqs.create_queue(QueueName="acme-events")["QueueUrl"]
    theirs = {
        "Sid": "Bucket",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": QUEUE,
    }
    before = {"Version": "2012-10-17", "Id": "ours", "Statement": [theirs]}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(before)})
    site.setup(site.config("rds"))
    assert site.told("no dead-letter queue") and site.told("added: the rules acme-events may send")
    site.setup(site.config("dynamodb"))
    assert site.told("added: the rules acme-events.manifest may send")
    policy = site.policy_of("acme-events")
    assert policy["Id"] == "ours"
    first, second = policy["Statement"]
    assert first == theirs
    assert len(second["Condition"]["ArnEquals"]["aws:SourceArn"]) == 2


def test_other_notifications_of_a_bucket_stay_when_its_events_are_switched_on(site: Site) -> None:
    s3, sqs = site.client("s3"), site.client("sqs")
    s3.create_bucket(Bucket="acme-lake")
    sqs.create_queue(QueueName="others")
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:others"
    others = [{"Id": "theirs", "QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]
    s3.put_bucket_notification_configuration(
        Bucket="acme-lake", NotificationConfiguration={"QueueConfigurations": others}
    )
    site.setup(site.config("dynamodb"))
    assert site.told("added: bucket acme-lake sends events of its objects to EventBridge")
    present = s3.get_bucket_notification_configuration(Bucket="acme-lake")
    assert [queue["QueueArn"] for queue in present["QueueConfigurations"]] == [arn]
    assert "EventBridgeConfiguration" in present
    site.setup(site.config("dynamodb"))
    assert not site.told("added")


@pytest.mark.exhaustive
def test_who_may_publish_to_an_existing_topic_still_may(site: Site) -> None:
    sns = site.client("sns")
    topic = sns.create_topic(Name="acme-alerts")["TopicArn"]
    theirs = {"Sid": "Theirs", "Effect": "Allow", "Principal": {"AWS": "999999999999"}, "Action": "sns:Publish"}
    policy = {"Version": "2012-10-17", "Statement": [theirs | {"Resource": topic}]}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=json.dumps(policy))
    for _ in range(2):
        site.setup(site.config("aurora"), "NamePrefix=alpha")
    statements = json.loads(sns.get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])["Statement"]
    assert statements[0]["Sid"] == "Theirs"
    (alarms,) = statements[1:]
    assert alarms["Condition"]["ArnLike"]["aws:SourceArn"].endswith(":alarm:alpha-*")


@pytest.mark.exhaustive
def test_a_topic_of_another_account_is_neither_created_nor_changed(site: Site) -> None:
    topic = "arn:aws:sns:us-east-1:999999999999:alerts"
    site.setup(site.config("aurora", notifications=topic))
    assert site.told(f"{topic} belongs to account 999999999999")
    assert not site.client("sns").list_topics()["Topics"]


def test_rules_that_send_elsewhere_are_named_and_left_alone(site: Site) -> None:
    events = site.client("events")
    theirs = f"arn:aws:sqs:us-east-1:{ACCOUNT}:theirs"
    events.put_rule(Name="acme-events", EventPattern='{"source": ["aws.ec2"]}')
    events.put_targets(Rule="acme-events", Targets=[{"Id": "queue", "Arn": theirs}])
    assert f"rule acme-events sends to {theirs}" in str(refused(site))
    assert events.describe_rule(Name="acme-events")["EventPattern"] == '{"source": ["aws.ec2"]}'
    (target,) = events.list_targets_by_rule(Rule="acme-events")["Targets"]
    assert target["Arn"] == theirs


@pytest.mark.exhaustive
def test_a_rule_that_lost_its_target_gets_it_and_one_of_an_older_release_its_pattern(site: Site) -> None:
    events, config = site.client("events"), site.config("rds")
    site.client("sqs").create_queue(QueueName="acme-events")
    events.put_rule(Name="acme-events", EventPattern='{"source": ["aws.rds"]}')
    events.put_targets(Rule="acme-events", Targets=[{"Id": "mine", "Arn": QUEUE}])
    site.setup(config)
    assert site.told("changed: rule acme-events has this release's pattern")
    pattern = events.describe_rule(Name="acme-events")["EventPattern"]
    events.remove_targets(Rule="acme-events", Ids=["mine"])
    site.setup(config)
    assert site.told("added: rule acme-events sends to queue acme-events")
    assert events.describe_rule(Name="acme-events")["EventPattern"] == pattern


@pytest.mark.exhaustive
def test_a_target_that_is_refused_is_an_error(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    events, config = site.client("events"), site.config("rds")
    site.setup(config, "RuleForRds=new")
    pattern = events.describe_rule(Name="acme-events")["EventPattern"]
    site.setup(config, remove=True)
    events.put_rule(Name="acme-events", EventPattern=pattern)
    answer = {"FailedEntryCount": 1, "FailedEntries": [{"TargetId": "queue", "ErrorCode": "LimitExceeded"}]}
    monkeypatch.setattr(site.clients.client("events"), "put_targets", lambda **_: answer)
    with pytest.raises(AwsError, match="LimitExceeded"):
        site.setup(config)


@pytest.mark.exhaustive
def test_a_bucket_that_may_not_be_read_or_is_in_another_region_is_refused(site: Site) -> None:
    s3_backends[ACCOUNT]["aws"].create_bucket("acme-exports", "eu-west-1")
    assert "bucket acme-exports is in Region eu-west-1" in str(refused(site))
    post(f"{site.cloud.url}/_local/faults", {"deny": [{"action": "s3:ListBucket", "times": 9}]})
    problems = refused(site).problems
    assert [problem.split(",")[0] for problem in problems] == ["bucket acme-lake exists", "bucket acme-exports exists"]


@pytest.mark.exhaustive
def test_a_glue_job_of_another_lake_is_refused_and_left_alone(site: Site) -> None:
    theirs = {"Name": "glueetl", "ScriptLocation": "s3://other-lake/lake/_jobs/x/convert.py"}
    site.client("glue").create_job(Name="acme-convert", Role="r", Command=theirs)
    assert "another name in `glue_job:`" in str(refused(site))
    assert site.client("glue").get_job(JobName="acme-convert")["Job"]["Command"] == theirs


@pytest.mark.exhaustive
def test_arns_of_another_account_or_region_are_all_named_before_anything_is_created(site: Site) -> None:
    found = refused(
        site,
        name="rds",
        export_role="arn:aws:iam::999999999999:role/export",
        notifications=f"arn:aws:sns:eu-west-1:{ACCOUNT}:alerts",
        kms_key=f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/1",
    )
    assert f"account {ACCOUNT}, Region us-east-1; nothing was created" in str(found)
    assert len(found.problems) == 3
    assert site.client("s3").list_buckets()["Buckets"] == []


@pytest.mark.exhaustive
def test_a_key_that_no_alias_names_must_exist(site: Site) -> None:
    missing = "0a1b2c3d-0000-4444-8888-123456789012"
    assert f"KMS key {missing} does not exist" in str(refused(site, name="rds", kms_key=missing))


@pytest.mark.exhaustive
def test_another_stack_of_the_same_lake_is_named_instead_of_failing_on_its_role(site: Site) -> None:
    site.setup(site.config("rds"), name="first")
    with pytest.raises(ConfigError, match=r"role acme-pipeline exists, but does not belong to stack acme.*--stack"):
        site.setup(site.config("rds"))
    assert site.stacks() == ["first"]


@pytest.mark.exhaustive
def test_a_parameter_that_would_delete_the_stacks_own_queue_is_refused(site: Site) -> None:
    site.setup(site.config("rds"))
    with pytest.raises(ConfigError, match="EventsQueue is stack acme's own, and CloudFormation would delete it"):
        site.setup(site.config("rds"), "Queue=existing")


def test_what_is_said_to_exist_and_does_not_is_refused(site: Site) -> None:
    assert "--parameter Queue=existing: no such object exists" in str(refused(site, "Queue=existing"))


@pytest.mark.exhaustive
def test_a_second_lake_of_the_account_takes_nothing_from_the_first(site: Site) -> None:
    site.setup(site.config("rds"))
    site.setup(site.config("rds", bucket="other-lake", events_queue="other-events", workgroup="other"))
    assert site.told("KMS key alias/acme exists") and site.told("role acme-export exists")
    entry = {"Source": "aws.rds", "DetailType": "RDS DB Snapshot Event", "Detail": '{"EventID": "RDS-EVENT-0091"}'}
    site.client("events").put_events(Entries=[entry])
    sqs = site.client("sqs")
    for queue in ("acme-events", "other-events"):
        url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        assert len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 1
