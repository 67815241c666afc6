"""Makes what `capture: lambda` needs in AWS: two roles, a delivery stream, and the function that triggers call.

Works with any boto3 session; `run.py` calls it with the local cloud's.
"""

from __future__ import annotations

import json
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.console.streams.package import HANDLER, function_zip
from rds_lake.model.lake.layout import LakeLayout

_SERVICES = ("lambda.amazonaws.com", "firehose.amazonaws.com")
_NAME = "rds-lake-changes"


def deploy(session: Any, config: LakeConfig, source: str) -> None:
    """Everything anew, for one source. Names: `rds-lake-changes`, and the stream `rds-lake-changes-<source>`."""
    layout = LakeLayout(bucket=config.lake.bucket, prefix=config.lake.prefix)
    stream, bucket = f"{_NAME}-{source}", f"arn:aws:s3:::{layout.bucket}"
    writes = _role(session, stream, {"s3:PutObject": f"{bucket}/{layout.arrived_folder(source)}*"})
    session.client("firehose").create_delivery_stream(
        DeliveryStreamName=stream,
        ExtendedS3DestinationConfiguration={
            "RoleARN": writes,
            "BucketARN": bucket,
            "Prefix": layout.arrived_folder(source),
            "ErrorOutputPrefix": layout.refused_folder(source) + "!{firehose:error-output-type}/",
            "CompressionFormat": "GZIP",
            # As soon as it is there; 60 to 300 seconds make fewer objects.
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 0},
        },
    )
    puts = f"arn:aws:firehose:*:*:deliverystream/{_NAME}-*"
    rights = {
        "firehose:PutRecordBatch": puts,
        "s3:PutObject": f"{bucket}/aws/lambda/async/{_NAME}/*",
        "s3:ListBucket": bucket,
    }
    session.client("lambda").create_function(
        FunctionName=_NAME,
        Runtime="python3.11",
        Handler=HANDLER,
        Code={"ZipFile": function_zip()},
        Role=_role(session, _NAME, rights),
        Timeout=60,
        Environment={"Variables": {"RDS_LAKE_STREAM": f"{_NAME}-{{source}}"}},
    )
    session.client("lambda").put_function_event_invoke_config(
        FunctionName=_NAME, DestinationConfig={"OnFailure": {"Destination": bucket}}
    )


def _role(session: Any, name: str, rights: dict[str, str]) -> str:
    """A role that Lambda and Firehose may take, with these actions on these resources; its ARN."""
    allowed = [{"Effect": "Allow", "Action": action, "Resource": resource} for action, resource in rights.items()]
    trust = [{"Effect": "Allow", "Principal": {"Service": list(_SERVICES)}, "Action": "sts:AssumeRole"}]
    iam = session.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))
    iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=_document(allowed))
    return made["Role"]["Arn"]


def _document(statements: list[dict[str, Any]]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
