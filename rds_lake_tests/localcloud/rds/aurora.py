"""A local cloud with a cluster beside the instance, and a queue that gets every event of RDS and AWS Backup."""

import functools
import json
from dataclasses import dataclass
from typing import Any

import boto3

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.support.open_targets import let_events_in
from rds_lake_tests.support.world import post, until

CLUSTER_ARN = "arn:aws:rds:us-east-1:123456789012:cluster:shop-aurora"
_BUCKET, _ROLE, _KEY = "exports", "exporter", "alias/exports"
_ENDED = ("COMPLETE", "FAILED", "CANCELED")


@dataclass(slots=True)
class Aurora:
    """The cloud, with what an export needs: a bucket, a role and a key."""

    cloud: LocalCloud
    url: str
    role: str = ""
    queue: str = ""

    def prepare(self) -> None:
        """Begin from nothing."""
        self.cloud.reset()
        clients = self.cloud.clients
        clients.client("s3").create_bucket(Bucket=_BUCKET)
        key = clients.client("kms").create_key()["KeyMetadata"]["KeyId"]
        clients.client("kms").create_alias(AliasName=_KEY, TargetKeyId=key)
        role = clients.client("iam").create_role(RoleName=_ROLE, AssumeRolePolicyDocument="{}")
        self.role = role["Role"]["Arn"]
        self.queue = clients.client("sqs").create_queue(QueueName="heard")["QueueUrl"]
        arn = clients.client("sqs").get_queue_attributes(QueueUrl=self.queue, AttributeNames=["QueueArn"])
        pattern = json.dumps({"source": ["aws.rds", "aws.backup"]})
        clients.client("events").put_rule(Name="all", EventPattern=pattern)
        target = {"Id": "1", "Arn": arn["Attributes"]["QueueArn"]}
        let_events_in(clients.client, target["Arn"])
        clients.client("events").put_targets(Rule="all", Targets=[target])

    @property
    def rds(self) -> Any:
        return _rds(self.cloud.url)

    def snapshot(self, at: str = "2026-11-20T03:00:00Z", **changes: Any) -> str:
        """The ARN of a new snapshot: of the cluster, unless another source is given."""
        source = {} if {"database", "cluster"} & changes.keys() else {"cluster": "shop-aurora"}
        status, answer = post(f"{self.cloud.url}/_local/snapshots", source | {"at": at} | changes)
        assert status == 200, answer
        return answer["arn"]

    def start(self, arn: str, identifier: str = "task-1", **changes: Any) -> dict[str, Any]:
        arguments = {
            "ExportTaskIdentifier": identifier,
            "SourceArn": arn,
            "S3BucketName": _BUCKET,
            "IamRoleArn": self.role,
            "KmsKeyId": _KEY,
        }
        return self.rds.start_export_task(**(arguments | changes))

    def task(self, identifier: str = "task-1") -> dict[str, Any]:
        (task,) = self.rds.describe_export_tasks(ExportTaskIdentifier=identifier)["ExportTasks"]
        return task

    def finished(self, identifier: str = "task-1") -> dict[str, Any]:
        """The task, once it has ended."""
        return until(lambda: next((t for t in [self.task(identifier)] if t["Status"] in _ENDED), None))

    def keys(self, prefix: str = "") -> list[str]:
        listed = self.cloud.clients.client("s3").list_objects_v2(Bucket=_BUCKET, Prefix=prefix)
        return [item["Key"] for item in listed.get("Contents", [])]

    def heard(self) -> list[dict[str, Any]]:
        """Every event since the last call, in order of arrival."""
        sqs, events = self.cloud.clients.client("sqs"), []
        while messages := sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                events.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return events

    def heard_ids(self) -> list[str]:
        """Numbers of RDS's events, states of AWS Backup's."""
        details = [event["detail"] for event in self.heard()]
        return [detail.get("EventID", "").removeprefix("RDS-EVENT-") or detail["state"] for detail in details]


@functools.cache
def _rds(url: str) -> Any:
    return boto3.client("rds", endpoint_url=url, region_name="us-east-1")
