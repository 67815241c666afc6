"""The admin's password over a whole run, from the JSON to the report in Dagster: in Secrets Manager, and nowhere else."""

from __future__ import annotations

import json
import logging
import time
from typing import Any

import dagster as dg
import pytest

from rds_lake_tests.defs.warehouse.mart import Mart

_MOST_TICKS = 60


def objects(mart: Mart) -> list[bytes]:
    """Every object of the lake, of what was dropped, and of the results."""
    buckets = ("acme-lake", "acme-drop", "acme-results")
    return [
        mart.s3.get_object(Bucket=bucket, Key=key)["Body"].read() for bucket in buckets for key in mart.keys(bucket)
    ]


def told(mart: Mart) -> list[Any]:
    """What AWS says of stacks, warehouses, statements and events."""
    client = mart.world.clients.client
    formation, data = client("cloudformation"), client("redshift-data")
    said: list[Any] = [client("redshift-serverless").list_workgroups(), client("redshift-serverless").list_namespaces()]
    for stack in formation.describe_stacks()["Stacks"]:
        by_id = stack["StackId"]  # by its name it is gone once its deletion, which may be under way, has ended
        said += [stack, formation.describe_stack_events(StackName=by_id), formation.get_template(StackName=by_id)]
    said += [data.describe_statement(Id=each["Id"]) for each in data.list_statements(Status="ALL")["Statements"]]
    sqs = client("sqs")
    url = sqs.get_queue_url(QueueName=mart.world.config.lake.events_queue)["QueueUrl"]
    said.append(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", []))
    return said


def request_and_password(mart: Mart, said: list[Any]) -> tuple[dg.RunRequest, str]:
    """Ticks until the sensor asks for a run of Dagster; the password, read while there is one."""
    password = ""
    for number in range(_MOST_TICKS):
        asked = mart.tick()
        for request in asked:
            return request, password
        (run,) = mart.open()
        target = mart.record(run).target
        if target is not None and not password:
            secret = mart.world.clients.client("secretsmanager").get_secret_value(SecretId=target.secret)
            password = json.loads(secret["SecretString"])["password"]
        said += told(mart)
        time.sleep(0.01 * number)
    raise AssertionError("the run did not end")


def test_it_occurs_in_nothing_that_is_written_said_or_logged(mart: Mart, caplog: pytest.LogCaptureFixture) -> None:
    """Mutation that fails it: the password as a parameter of the stack."""
    caplog.set_level(logging.DEBUG, "rds_lake")
    caplog.set_level(logging.DEBUG, "dagster")
    mart.tell_of_objects()
    mart.put("jobs/a.json", {"version": 1})
    said: list[Any] = []
    request, password = request_and_password(mart, said)
    result = mart.shell.run(request)
    assert result.success and len(password) > 20
    events = [str(event) for event in result.all_events]
    logs = [str(record) for record in mart.shell.instance.all_logs(result.run_id)]
    whole = [json.dumps(said + told(mart), default=str), *events, *logs, caplog.text, json.dumps(mart.shell.cursors)]
    assert len(events) > 10 and len(said) > 20
    assert [text[:80] for text in whole if password in text] == []
    assert [body[:80] for body in objects(mart) if password.encode() in body] == []
