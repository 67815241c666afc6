"""Records of asynchronous invocations, written to a queue, topic or bucket as the function's role.

(https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html)
"""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from rds_lake.localcloud.lambdas.environment import Outcome
from rds_lake.localcloud.lambdas.functions import Function
from rds_lake.localcloud.permissions.acting import Actors

Json = dict[str, Any]


def record_of(function: Function, event: Json, condition: str, outcome: Outcome | None, moment: datetime) -> Json:
    """Returns the invocation record. `event`: its `payload`, `request` id and number of `attempts`; `outcome` None: it never ran."""
    qualified = function.arn if function.version.isdecimal() else f"{function.arn}:$LATEST"
    record: Json = {
        "version": "1.0",
        "timestamp": f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z",
        "requestContext": {
            "requestId": event["request"],
            "functionArn": qualified,
            "condition": condition,
            "approximateInvokeCount": event["attempts"],
        },
        "requestPayload": event["payload"],
    }
    if outcome is not None:
        response: Json = {"statusCode": 200, "executedVersion": function.version}
        record["responseContext"] = response | ({"functionError": "Unhandled"} if outcome.error else {})
        record["responsePayload"] = outcome.payload
    return record


def deliver(actors: Actors, function: Function, destination: str, record: Json, moment: datetime) -> str | None:
    """Write a record to a destination (an ARN); returns the error, None if it was written."""
    service, region = destination.split(":")[2:4]
    clients = actors.as_service_role(None, function.role, function.name).clients
    text = json.dumps(record)
    try:
        if service == "sqs":
            sqs = clients.client("sqs", region)
            name = destination.rpartition(":")[2]
            sqs.send_message(QueueUrl=f"http://localhost/{destination.split(':')[4]}/{name}", MessageBody=text)
        elif service == "sns":
            clients.client("sns", region).publish(TopicArn=destination, Message=text)
        elif service == "s3":
            key = f"aws/lambda/async/{function.name}/{moment:%Y/%m/%d}/{moment:%Y-%m-%dT%H.%M.%S}-{uuid.uuid4()}"
            bucket = destination.rpartition(":::")[2]
            clients.client("s3", function.region).put_object(Bucket=bucket, Key=key, Body=text.encode())
        else:
            return f"the local cloud's limit, not AWS's: destinations of {service} are not supported"
    except ClientError as error:
        return str(error)
    return None
