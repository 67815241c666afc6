"""Every resource type reaches its service: it is made, changed in place and deleted there."""

import json
from pathlib import Path
from typing import Any

import pytest

from rds_lake.localcloud.stacks.types.table import TYPES
from rds_lake_tests.localcloud.stacks.deploying import Formation, queue, soon

_TEMPLATE = Path(__file__).with_name("every_type.yaml").read_text()
_ACKNOWLEDGED = {"Capabilities": ["CAPABILITY_IAM"]}


def _seen(formation: Formation) -> dict[str, Any]:
    """What the services have, without the keys, which only wait for their deletion."""
    client = formation.client
    return {
        "buckets": client("s3").list_buckets()["Buckets"],
        "roles": client("iam").list_roles()["Roles"],
        "policies": client("iam").list_policies(Scope="Local")["Policies"],
        "profiles": client("iam").list_instance_profiles()["InstanceProfiles"],
        "queues": formation.queues(),
        "topics": client("sns").list_topics()["Topics"],
        "subscriptions": client("sns").list_subscriptions()["Subscriptions"],
        "rules": client("events").list_rules()["Rules"],
        "workgroups": [
            group for group in client("athena").list_work_groups()["WorkGroups"] if group["Name"] != "primary"
        ],
        "databases": client("glue").get_databases()["DatabaseList"],
        "security": client("glue").get_security_configurations()["SecurityConfigurations"],
        "alarms": client("cloudwatch").describe_alarms()["MetricAlarms"],
        "vaults": client("backup").list_backup_vaults()["BackupVaultList"],
        "plans": client("backup").list_backup_plans()["BackupPlansList"],
        "logs": client("logs").describe_log_groups()["logGroups"],
        "functions": client("lambda").list_functions()["Functions"],
        "streams": client("firehose").list_delivery_streams()["DeliveryStreamNames"],
        "secrets": client("secretsmanager").list_secrets()["SecretList"],
        "clusters": client("redshift").describe_clusters()["Clusters"],
        "subnet groups": client("redshift").describe_cluster_subnet_groups()["ClusterSubnetGroups"],
        "parameter groups": client("redshift").describe_cluster_parameter_groups()["ParameterGroups"],
        "namespaces": client("redshift-serverless").list_namespaces()["namespaces"],
        "serverless workgroups": client("redshift-serverless").list_workgroups()["workgroups"],
        "security groups": client("ec2").describe_security_groups()["SecurityGroups"],
        "aliases": [alias for alias in client("kms").list_aliases()["Aliases"] if "/aws/" not in alias["AliasName"]],
    }


def test_all_types_are_made_changed_in_place_and_deleted_without_a_rest(formation: Formation) -> None:
    assert all(f"Type: {name}" in _TEMPLATE for name in TYPES), "the template has every type"
    nothing = _seen(formation)
    stack = formation.deploy(_TEMPLATE, **_ACKNOWLEDGED)
    assert stack["StackStatus"] == "CREATE_COMPLETE", formation.reason("CREATE_FAILED")
    seen = _seen(formation)
    assert all(len(items) > len(nothing[kind]) for kind, items in seen.items()), seen
    ids = [
        resource["PhysicalResourceId"]
        for resource in formation.api.describe_stack_resources(StackName="lake")["StackResources"]
    ]
    given = [{"ParameterKey": "Days", "ParameterValue": "14"}]
    assert formation.update(_TEMPLATE, Parameters=given, **_ACKNOWLEDGED)["StackStatus"] == "UPDATE_COMPLETE"
    assert ids == [
        resource["PhysicalResourceId"]
        for resource in formation.api.describe_stack_resources(StackName="lake")["StackResources"]
    ]
    assert formation.client("logs").describe_log_groups()["logGroups"][0]["retentionInDays"] == 14
    described = formation.client("firehose").describe_delivery_stream(DeliveryStreamName="changes")
    stream = described["DeliveryStreamDescription"]["Destinations"][0]["ExtendedS3DestinationDescription"]
    function = formation.client("lambda").list_functions()["Functions"][0]["FunctionName"]
    assert stream["Prefix"] == "changes-14/"
    events = formation.client("lambda").get_function_event_invoke_config(FunctionName=function)
    assert (events["MaximumEventAgeInSeconds"], events["MaximumRetryAttempts"]) == (1400, 1)
    assert formation.client("athena").get_work_group(WorkGroup="lake")["WorkGroup"]["Description"] == "14 days"
    assert formation.client("glue").get_database(Name="shop")["Database"]["Description"] == "14 days"
    assert formation.client("cloudwatch").describe_alarms()["MetricAlarms"][0]["Threshold"] == 14
    assert formation.delete()["StackStatus"] == "DELETE_COMPLETE"
    assert _seen(formation) == nothing


@pytest.mark.exhaustive
def test_a_failure_at_the_last_resource_leaves_nothing_of_any_type(formation: Formation) -> None:
    nothing = _seen(formation)
    formation.fault(resource="Permission", fail="no")
    assert formation.deploy(_TEMPLATE, **_ACKNOWLEDGED)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert _seen(formation) == nothing


def test_policies_and_settings_reach_their_services(formation: Formation) -> None:
    formation.deploy(_TEMPLATE, **_ACKNOWLEDGED)
    outputs, s3 = formation.outputs(), formation.client("s3")
    bucket = outputs["Bucket"]
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"][0]["Effect"] == "Deny"
    assert all(s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"].values())
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    assert (rule["Expiration"], rule["AbortIncompleteMultipartUpload"]) == ({"Days": 7}, {"DaysAfterInitiation": 7})
    (encrypted,) = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]["Rules"]
    assert encrypted["ApplyServerSideEncryptionByDefault"]["KMSMasterKeyID"] == outputs["Key"]
    attributes = formation.client("sqs").get_queue_attributes(QueueUrl=outputs["Queue"], AttributeNames=["All"])[
        "Attributes"
    ]
    statement = json.loads(attributes["Policy"])["Statement"][0]
    rule_arn = formation.client("events").describe_rule(Name=outputs["Rule"])["Arn"]
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"] == rule_arn
    assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 5
    (target,) = formation.client("events").list_targets_by_rule(Rule=outputs["Rule"])["Targets"]
    assert target["DeadLetterConfig"]["Arn"] and target["RetryPolicy"]["MaximumRetryAttempts"] == 7
    role = formation.client("iam").get_role(RoleName=outputs["Role"])["Role"]
    assert role["PermissionsBoundary"]["PermissionsBoundaryArn"]
    assert set(formation.client("iam").list_role_policies(RoleName=outputs["Role"])["PolicyNames"]) == {
        "inline",
        "more",
    }
    secret = formation.client("secretsmanager").get_secret_value(SecretId=outputs["Secret"])["SecretString"]
    assert json.loads(secret)["username"] == "u" and len(json.loads(secret)["password"]) == 32


@pytest.mark.exhaustive
def test_a_stacks_tags_are_its_resources_tags(formation: Formation) -> None:
    formation.deploy(
        {"Resources": {"Q": queue(Tags=[{"Key": "own", "Value": "1"}])}}, Tags=[{"Key": "team", "Value": "data"}]
    )
    assert formation.client("sqs").list_queue_tags(QueueUrl=formation.queues()[0])["Tags"] == {
        "own": "1",
        "team": "data",
    }


@pytest.mark.exhaustive
def test_a_topic_hears_of_every_event(formation: Formation) -> None:
    topic = formation.client("sns").create_topic(Name="told")["TopicArn"]
    url = formation.client("sqs").create_queue(QueueName="ear")["QueueUrl"]
    arn = "arn:aws:sqs:us-east-1:123456789012:ear"
    formation.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    formation.deploy({"Resources": {"Q": queue()}}, NotificationARNs=[topic])
    sqs, asked = formation.client("sqs"), {"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"]}
    soon(
        lambda: (
            sqs.get_queue_attributes(**asked)["Attributes"]["ApproximateNumberOfMessages"]
            == str(len(formation.events()))
        )
    )
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert any("CREATE_COMPLETE" in message["Body"] for message in messages)


@pytest.mark.exhaustive
def test_a_bucket_sends_its_events_as_the_template_says(formation: Formation) -> None:
    rule = {"EventPattern": {"source": ["aws.s3"]}, "Targets": [{"Id": "q", "Arn": {"Fn::GetAtt": ["Q", "Arn"]}}]}
    sending = {"NotificationConfiguration": {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}}
    bucket = {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": "told"} | sending, "DependsOn": "Rule"}
    allowed = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage"}
    statement = allowed | {"Resource": {"Fn::GetAtt": ["Q", "Arn"]}}
    policy = {"Queues": [{"Ref": "Q"}], "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    resources = {
        "Q": queue(),
        "Policy": {"Type": "AWS::SQS::QueuePolicy", "Properties": policy},
        "Rule": {"Type": "AWS::Events::Rule", "Properties": rule},
        "Bucket": bucket,
    }
    formation.deploy({"Resources": resources})
    formation.client("s3").put_object(Bucket="told", Key="one", Body=b"")
    (url,) = formation.queues()
    (message,) = formation.client("sqs").receive_message(QueueUrl=url)["Messages"]
    assert json.loads(message["Body"])["detail-type"] == "Object Created"


@pytest.mark.exhaustive
def test_what_moto_would_have_answered_is_answered_by_no_other_stacks(formation: Formation) -> None:
    with pytest.raises(Exception, match="local cloud"):
        formation.api.create_change_set(StackName="lake", ChangeSetName="c", TemplateBody="{}")
