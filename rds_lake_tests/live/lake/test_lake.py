"""From a database to an answer of Athena, and one test for each fact of it that only an account shows.

    RDS_LAKE_LIVE_PROFILE=sandbox RDS_LAKE_LIVE_REGION=eu-west-1 pytest -m aws rds_lake_tests/live/lake

What it costs and makes is in docs/live-suite.md. `make test-exhaustive` has the same tests against the local cloud.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from rds_lake.aws.account.answers import Answers
from rds_lake.aws.denied import is_denied, read_denied
from rds_lake.aws.s3.copying import CopyLimits
from rds_lake.aws.s3.many import CopyOrder, ManyS3
from rds_lake.defs.resources import Gateways
from rds_lake.errors import ConflictError
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.rights.parties import own_statements, parties, samples
from rds_lake.infra.doctor.rights.principals import with_policies
from rds_lake.infra.doctor.rights.requests import requests_of
from rds_lake.model.permissions.evaluate import evaluate
from rds_lake.model.permissions.request import Request
from rds_lake_tests.live.lake.content import ORDERS
from rds_lake_tests.live.lake.made import LiveLake, is_anything_left, live_lake
from rds_lake_tests.live.lake.place import PLACES, Place, chosen_place, until

# Exports and clusters take their time; the suite of the repository has twenty minutes for a test.
pytestmark = pytest.mark.timeout(4 * 3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The date that the job made of the database."""

    lake: LiveLake
    day: date
    rows: int


@pytest.fixture(scope="module", params=PLACES)
def place(request: pytest.FixtureRequest) -> Iterator[Place]:
    with chosen_place(request, replace(ORDERS, sessions=())) as chosen:
        yield chosen


@pytest.fixture(scope="module")
def lake(place: Place) -> Iterator[LiveLake]:
    name = place.identifier if place.endpoint is None else f"rds-lake-live-{uuid4().hex[:8]}"
    made: LiveLake | None = None
    try:
        with live_lake(place, name) as made:
            yield made
    finally:
        place.remove_database()
    assert is_anything_left(made) == []


@pytest.fixture(scope="module")
def done(lake: LiveLake) -> Done:
    """The job, once."""
    rows, day = lake.place.make_database(), lake.place.snapshot()
    lake.materialize(day)
    return Done(lake=lake, day=day, rows=rows)


def gateways(lake: LiveLake) -> Gateways:
    return lake.gateways()


def test_a_snapshot_becomes_rows_that_athena_answers_with(done: Done) -> None:
    source = done.lake.config.sources[0].name
    sql = "SELECT CAST(count(*) AS varchar), max(snapshot_date) FROM orders"
    answer = gateways(done.lake).lake.athena.run(sql, database=source)
    assert list(answer.rows) == [(str(done.rows), done.day.isoformat())]


def test_a_view_is_stored_as_we_read_it(done: Done) -> None:
    """Athena's own JSON about a view, of which no page of AWS says more than that it is there."""
    table = done.lake.place.clients.glue.get_table(DatabaseName=done.lake.config.sources[0].name, Name="orders")[
        "Table"
    ]
    assert (table.get("TableType"), table.get("ViewExpandedText")) == ("VIRTUAL_VIEW", "/* Presto View */")
    text = table.get("ViewOriginalText", "").removeprefix("/* Presto View: ").removesuffix(" */")
    assert {"originalSql", "catalog", "columns"} <= json.loads(base64.b64decode(text)).keys()


def test_the_end_of_the_export_is_sent_to_the_queue_as_the_bare_event(done: Done) -> None:
    """Ids 0161, 0164 and 0236 were seen by others only; and that EventBridge may send to a queue with SSE-SQS."""
    clients, queue = done.lake.place.clients.sqs, done.lake.config.lake.events_queue
    url = clients.get_queue_url(QueueName=queue)["QueueUrl"]
    attributes = clients.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert attributes.get("SqsManagedSseEnabled") == "true"

    def told() -> list[dict[str, Any]]:
        received = clients.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=2).get(
            "Messages", []
        )
        events = [json.loads(message["Body"]) for message in received]
        return [event for event in events if event["detail"].get("EventID", "")[-4:] in ("0161", "0164", "0236")]

    (event, *_) = until(told, done.lake.place, minutes=10, what="the event of the export's end")
    assert event["source"] == "aws.rds"
    print(json.dumps(event))


def test_an_object_that_was_changed_meanwhile_is_not_overwritten(lake: LiveLake) -> None:
    s3, bucket, key = gateways(lake).s3, lake.config.lake.bucket, "lake/live/record.json"
    first = s3.replace_text(bucket, key, "1", etag=None, kms_key=lake.config.lake.kms_key)
    second = s3.replace_text(bucket, key, "2", etag=first, kms_key=lake.config.lake.kms_key)
    assert first != second
    for etag in (None, first):
        with pytest.raises(ConflictError):
            s3.replace_text(bucket, key, "3", etag=etag, kms_key=lake.config.lake.kms_key)
    assert s3.get_text(bucket, key) == "2"


def test_the_wires_own_requests_are_taken_by_s3(lake: LiveLake) -> None:
    """Signed by us, over connections of our own: listing, copying under names that must be escaped."""
    at, bucket, key = gateways(lake), lake.config.lake.bucket, lake.config.lake.kms_key
    names = ["plain", "größe/a b+c~d=e/part-1", "100%/x&y", "a//b"]
    for name in names:
        at.s3.put_bytes(bucket, f"lake/live/from/{name}", name.encode(), kms_key=key)
    assert [one.key for one in at.s3.list_objects(bucket, "lake/live/from/")] == sorted(
        f"lake/live/from/{name}" for name in names
    )
    orders = [
        CopyOrder((bucket, f"lake/live/from/{name}"), (bucket, f"lake/live/to/{name}"), len(name.encode()))
        for name in names
    ]
    copied: dict[int, Any] = {}
    ManyS3.of(at.s3).copy(orders, kms_key=key, limits=CopyLimits(), done=copied.__setitem__)
    assert not [value for value in copied.values() if isinstance(value, Exception)]
    assert {one.key for one in at.s3.list_objects(bucket, "lake/live/to/")} == {order.target[1] for order in orders}


def test_a_table_that_was_changed_meanwhile_is_not_updated(done: Done) -> None:
    """Glue's VersionId: of a table of the catalogue, with a version that is none any more."""
    glue, database = done.lake.place.clients.glue, done.lake.config.sources[0].name
    table = glue.get_table(DatabaseName=database, Name="orders")["Table"]
    keys = ("Name", "TableType", "Parameters", "ViewOriginalText", "ViewExpandedText", "StorageDescriptor")
    given: Any = {key: table[key] for key in keys if key in table}
    update = partial(glue.update_table, DatabaseName=database, TableInput=given, SkipArchive=True)
    update(VersionId=table.get("VersionId", "0"))
    with pytest.raises(ClientError):
        update(VersionId="9999")


def test_a_refusal_names_action_and_resource(lake: LiveLake) -> None:
    glue = gateways(lake).clients().glue
    with pytest.raises(ClientError) as refused:
        glue.get_table(DatabaseName="somebody_elses", Name="orders")
    error = refused.value.response.get("Error", {})
    assert is_denied(error.get("Code", ""))
    denied = read_denied(error.get("Message", ""))
    assert denied.actions == ("glue:GetTable",)
    assert denied.resources
    assert lake.name in (denied.principal or lake.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """Two opinions of what the pipeline's role may."""

    lake: LiveLake
    patient: Patient

    def ours(self, request: Request) -> bool:
        return evaluate(request, with_policies(self.patient, self.lake.pipeline_role)).allowed

    def theirs(self, request: Request) -> bool:
        """IAM's simulator; of the local cloud, which has none, what the role was meant to have."""
        if self.lake.place.endpoint is not None:
            return not request.resource.endswith("not-of-this-lake")
        context: Any = [
            {
                "ContextKeyName": key,
                "ContextKeyValues": list(values),
                "ContextKeyType": "stringList" if len(values) > 1 else "string",
            }
            for key, values in request.context.items()
        ]
        answer = self.lake.place.clients.client("iam").simulate_principal_policy(
            PolicySourceArn=self.lake.pipeline_role,
            ActionNames=[request.action],
            ResourceArns=[request.resource],
            ContextEntries=context,
        )
        return answer["EvaluationResults"][0]["EvalDecision"] == "allowed"


def of_others(request: Request) -> Request:
    """The same request for something that is not the lake's."""
    return replace(request, resource=":".join([*request.resource.split(":")[:5], "not-of-this-lake"]))


def test_our_evaluator_and_iams_simulator_agree_on_every_right_of_the_pipeline(lake: LiveLake) -> None:
    """But for the key's, where the key's own policy counts, which the simulator is not given."""
    answers = Answers(lambda: lake.place.clients)
    patient = Patient(config=lake.config, answers=answers, now=lambda: datetime.now(UTC), role=lake.pipeline_role)
    pipeline = parties(lake.config)[0]
    requests = [
        request
        for statement in own_statements(pipeline, patient)
        for request in requests_of(statement, samples(patient))
        if not request.action.startswith("kms:")
    ]
    requests += [of_others(request) for request in requests if request.resource != "*"]
    judge = Judge(lake=lake, patient=patient)
    differing = [
        f"{one.action} on {one.resource}: we say {judge.ours(one)}"
        for one in requests
        if judge.ours(one) != judge.theirs(one)
    ]
    assert differing == []
    assert len(requests) > 60
