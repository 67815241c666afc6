"""The admin's password is in Secrets Manager and nowhere else: nothing that is written, said or logged has it."""

from __future__ import annotations

import io
import json
import logging
from typing import Any

import pytest
from rich.console import Console

from rds_lake.console.warehouse.reap import Pace, reap_warehouses
from rds_lake_tests.stages.warehouse.standing.yard import Yard, fault, named

MODES: list[dict[str, Any]] = [{"mode": "cluster"}, {"mode": "serverless", "keep": False}]


def said_by(yard: Yard) -> str:
    """Everything that AWS and the lake say of it: stacks, events, templates, outputs, descriptions, statements, objects."""
    client = yard.inspector.client
    formation, s3 = client("cloudformation"), client("s3")
    said: list[Any] = [client("redshift").describe_clusters()["Clusters"]]
    said += [client("redshift-serverless").list_namespaces(), client("redshift-serverless").list_workgroups()]
    for stack in formation.describe_stacks()["Stacks"]:
        by_id = stack["StackId"]  # by its name it is gone once its deletion, which may be under way, has ended
        said += [stack, formation.describe_stack_events(StackName=by_id)["StackEvents"]]
        said += [
            formation.get_template(StackName=by_id)["TemplateBody"],
            formation.describe_stack_resources(StackName=by_id),
        ]
    for each in client("redshift-data").list_statements(Status="ALL")["Statements"]:
        said.append(client("redshift-data").describe_statement(Id=each["Id"]))
    for each in s3.list_objects_v2(Bucket="acme-lake").get("Contents", []):
        said.append(s3.get_object(Bucket="acme-lake", Key=each["Key"])["Body"].read().decode())
    return json.dumps(said, default=str)


@pytest.mark.parametrize("settings", MODES, ids=lambda each: each["mode"])
def test_the_admins_password_is_in_nothing_written(
    yard: Yard, settings: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    yard.prepare(**settings)
    target = yard.up()
    answer = yard.inspector.client("secretsmanager").get_secret_value(SecretId=target.secret)
    password = json.loads(answer["SecretString"])["password"]
    caplog.clear()  # the test's own question
    yard.start("select 1", f"{named(yard.warehouse).statements}step/one/1/0", target)
    said = [said_by(yard), repr(target)]
    fault(yard.cloud, stacks=[{"resource": "Role", "action": "delete", "fail": "in use"}])
    yard.wait(31)
    out = io.StringIO()
    ticks = iter(range(1000))
    pace = Pace(clock=lambda: float(next(ticks)), sleep=lambda _: yard.settle())
    reap_warehouses([yard.warehouse], apply=True, pace=pace, console=Console(file=out, width=300))
    said += [said_by(yard), out.getvalue(), caplog.text]
    assert len(password) > 20
    assert all(password not in text for text in said)
    assert yard.census() == {}
