"""A bucket's policy counts with its conditions: the local cloud is right, and bare moto is still wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.localcloud.stacks.deploying import Formation
from rds_lake_tests.support.world import post

_ONLY_BY_TLS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["arn:aws:s3:::sealed", "arn:aws:s3:::sealed/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ],
}
_BARE = f"""
import boto3, json
from botocore.exceptions import ClientError
from moto import mock_aws
with mock_aws():
    s3 = boto3.client("s3", region_name="us-east-1")
    s3.create_bucket(Bucket="sealed")
    s3.put_bucket_policy(Bucket="sealed", Policy=json.dumps({_ONLY_BY_TLS!r}))
    try:
        s3.put_object(Bucket="sealed", Key="one", Body=b"")
    except ClientError:
        raise SystemExit(0)
    raise SystemExit(1)
"""


def bucket_of(cloud: LocalCloud) -> Any:
    s3 = Formation(cloud, {}).client("s3")
    s3.create_bucket(Bucket="sealed")
    s3.put_bucket_policy(Bucket="sealed", Policy=json.dumps(_ONLY_BY_TLS))
    return s3


def test_a_bucket_for_tls_only_takes_objects_and_gives_them_up() -> None:
    with LocalCloud({}) as cloud:
        s3 = bucket_of(cloud)
        s3.put_object(Bucket="sealed", Key="one", Body=b"1")
        assert s3.get_object(Bucket="sealed", Key="one")["Body"].read() == b"1"
        assert "Errors" not in s3.delete_objects(Bucket="sealed", Delete={"Objects": [{"Key": "one"}]})


def test_what_is_denied_stays_denied() -> None:
    with LocalCloud({}) as cloud:
        s3 = bucket_of(cloud)
        assert post(f"{cloud.url}/_local/faults", {"deny": [{"action": "s3:PutObject"}]})[0] == 200
        with pytest.raises(ClientError, match="AccessDenied"):
            s3.put_object(Bucket="sealed", Key="one", Body=b"")


def test_bare_moto_still_looks_at_no_condition() -> None:
    """In a process of its own: the repair changes moto's class for the whole process."""
    variables = {key: value for key, value in os.environ.items() if key != "AWS_ENDPOINT_URL"}
    done = subprocess.run([sys.executable, "-c", _BARE], env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"moto was repaired: remove our repair\n{done.stderr}"
