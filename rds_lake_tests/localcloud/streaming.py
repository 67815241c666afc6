"""A local cloud with streams and functions, over HTTP with plain boto3, and the verbs their tests are written in."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import boto3
from botocore.config import Config

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.localcloud.permissions.calling import document, trust
from rds_lake_tests.support.world import post, until

BUCKET = "acme-lake"
STREAM = "changes"
_ONCE = Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"})


@dataclass(slots=True)
class Streaming:
    """One local cloud with one bucket, and a role that services may take, without policies."""

    cloud: LocalCloud
    clients: dict[str, Any] = field(default_factory=dict)
    role: str = ""

    def client(self, service: str) -> Any:
        if service not in self.clients:
            where = {"endpoint_url": self.cloud.url, "region_name": "us-east-1", "config": _ONCE}
            self.clients[service] = boto3.client(service, **where)  # type: ignore[call-overload]
        return self.clients[service]

    def prepare(self) -> None:
        """Empty but for the bucket and the role."""
        self.cloud.reset()
        self.client("s3").create_bucket(Bucket=BUCKET)
        self.role = self.make_role("streams", {"Effect": "Allow", "Action": "*", "Resource": "*"})

    def make_role(self, name: str, *statements: Any) -> str:
        """A role that Lambda and Firehose may take; its ARN."""
        services = ["lambda.amazonaws.com", "firehose.amazonaws.com"]
        iam = self.client("iam")
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(services))["Role"]["Arn"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(*statements))
        return arn

    def faults(self, **body: Any) -> None:
        status, answer = post(f"{self.cloud.url}/_local/faults", body)
        assert status == 200, answer

    def clock(self, moment: str | None) -> None:
        status, answer = post(f"{self.cloud.url}/_local/clock", {"now": moment} if moment else {})
        assert status == 200, answer

    # Firehose

    def stream(self, name: str = STREAM, **destination: Any) -> str:
        """A delivery stream to the bucket; its ARN."""
        given = {"RoleARN": self.role, "BucketARN": f"arn:aws:s3:::{BUCKET}"} | destination
        firehose = self.client("firehose")
        made = firehose.create_delivery_stream(DeliveryStreamName=name, ExtendedS3DestinationConfiguration=given)
        return made["DeliveryStreamARN"]

    def put(self, *records: bytes, name: str = STREAM) -> dict[str, Any]:
        batch = [{"Data": record} for record in records]
        return self.client("firehose").put_record_batch(DeliveryStreamName=name, Records=batch)

    def flush(self) -> list[str]:
        """Write every buffer; the keys of what was written."""
        status, answer = post(f"{self.cloud.url}/_local/firehose", {"flush": True})
        assert status == 200, answer
        return answer["objects"]

    def keys(self, prefix: str = "") -> list[str]:
        listed = self.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)
        return [each["Key"] for each in listed.get("Contents", [])]

    def read(self, key: str) -> bytes:
        body = self.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return gzip.decompress(body) if key.endswith(".gz") else body

    def lines(self, prefix: str = "") -> list[Any]:
        """Every line of JSON below a prefix, after a flush."""
        self.flush()
        return [json.loads(line) for key in self.keys(prefix) for line in self.read(key).splitlines()]

    def first_key(self) -> str:
        return until(self.keys)[0]

    # Lambda

    def function(self, code: str | bytes, name: str = "f", handler: str = "app.handler", **more: Any) -> str:
        """A function of Python source, or of a ZIP file; its ARN."""
        body = code if isinstance(code, bytes) else zipped({"app.py": code})
        given = {
            "Role": self.role,
            "Runtime": "python3.11",
            "Handler": handler,
            "Code": {"ZipFile": body},
            "Timeout": 10,
        }
        return self.client("lambda").create_function(FunctionName=name, **(given | more))["FunctionArn"]

    def invoke(self, payload: Any = None, name: str = "f", **more: Any) -> dict[str, Any]:
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.client("lambda").invoke(FunctionName=name, Payload=body, **more)

    def stand_in(self, function: Callable[[Any, Any], Any], name: str = "f", **more: Any) -> None:
        """A function whose code is a callable of the test."""
        self.function("", name, **more)
        self.cloud.lambdas.register(name, function)

    def settled(self) -> dict[str, Any]:
        """Wait until nothing is attempted or due; what became of events so far."""
        until(lambda: self.cloud.lambdas.queue.idle)
        return self.cloud.lambdas.queue.shown()

    def send(self, payload: Any, name: str = "f") -> None:
        """An asynchronous invocation."""
        assert self.invoke(payload, name, InvocationType="Event")["StatusCode"] == 202


def zipped(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return packed.getvalue()
