"""From a trigger to S3 through Lambda and Firehose, and what gets lost, doubled and invented on the way."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest

from rds_lake.console.streams.package import HANDLER, function_zip
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.databases.mariadb import EmbeddedMariaDb
from rds_lake.localcloud.lambdas.calls.mysql import connect
from rds_lake.model.lake.layout import LakeLayout
from rds_lake_tests.localcloud.permissions.calling import allow
from rds_lake_tests.localcloud.streaming import BUCKET, Streaming

_ARN = "arn:aws:lambda:us-east-1:123456789012:function:changes"
_LAYOUT = LakeLayout(bucket=BUCKET, prefix="lake")
_FOLDER = _LAYOUT.arrived_folder("shop")
_POSTGRES = f"""
DROP TABLE IF EXISTS routes;
CREATE TABLE routes (id bigint PRIMARY KEY, "group" text);
CREATE OR REPLACE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM aws_lambda.invoke('{_ARN}', json_build_object(
    'id', gen_random_uuid(), 'source', 'shop', 'table', 'shop.public.routes', 'op', left(TG_OP, 1), 'at', clock_timestamp(),
    'xid', pg_current_xact_id()::text::bigint, 'key', json_build_object('id', coalesce(NEW.id, OLD.id)::text),
    'old', CASE WHEN TG_OP <> 'INSERT' THEN json_build_object('id', OLD.id::text, 'group', OLD."group") END,
    'new', CASE WHEN TG_OP <> 'DELETE' THEN json_build_object('id', NEW.id::text, 'group', NEW."group") END),
    invocation_type => 'Event');
  RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER INSERT OR UPDATE OR DELETE ON routes FOR EACH ROW EXECUTE FUNCTION tell();
"""
_MYSQL_TRIGGER = f"""
CREATE TRIGGER routes_{{op}} AFTER {{op}} ON routes FOR EACH ROW
BEGIN
  DECLARE ignored LONGTEXT;
  SELECT lambda_async('{_ARN}', JSON_OBJECT(
    'id', UUID(), 'source', 'shop', 'table', 'shop.routes', 'op', LEFT('{{op}}', 1),
    'at', DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%f+00:00'), 'xid', NULL,
    'key', JSON_OBJECT('id', CAST({{row}}.id AS CHAR)), 'old', {{old}}, 'new', {{new}})) INTO ignored;
END
"""
_MYSQL_IMAGE = "JSON_OBJECT('id', CAST({0}.id AS CHAR), 'group', {0}.`group`)"


def _mysql_triggers() -> Iterator[str]:
    old, new = _MYSQL_IMAGE.format("OLD"), _MYSQL_IMAGE.format("NEW")
    yield _MYSQL_TRIGGER.format(op="INSERT", row="NEW", old="NULL", new=new)
    yield _MYSQL_TRIGGER.format(op="UPDATE", row="NEW", old=old, new=new)
    yield _MYSQL_TRIGGER.format(op="DELETE", row="OLD", old=old, new="NULL")


@pytest.fixture(scope="module")
def urls(postgres: EmbeddedPostgres, mariadb: EmbeddedMariaDb) -> dict[str, str]:
    return {"pg": postgres.create_database("captured"), "my": mariadb.create_database("captured")}


@pytest.fixture(scope="module")
def capture_cloud(urls: dict[str, str]) -> Iterator[LocalCloud]:
    with LocalCloud({"pg": urls["pg"]}, clusters={"my": urls["my"]}) as cloud:
        for database in urls:
            cloud.calling_databases.install(database)
        yield cloud


@pytest.fixture
def capture(capture_cloud: LocalCloud, urls: dict[str, str]) -> Streaming:
    """The table `routes` in both databases, their triggers, the packaged function with its own role, and a stream."""
    capture = Streaming(cloud=capture_cloud)
    capture.prepare()
    with psycopg.connect(urls["pg"]) as postgres:
        postgres.execute(_POSTGRES.encode())
    with closing(connect(urls["my"])) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS routes")
        cursor.execute("CREATE TABLE routes (id BIGINT PRIMARY KEY, `group` VARCHAR(50))")
        for trigger in _mysql_triggers():
            cursor.execute(trigger)
    stream_role = capture.make_role("stream", allow("s3:PutObject", f"arn:aws:s3:::{BUCKET}/lake/_changes/*"))
    errors = _LAYOUT.refused_folder("shop") + "!{firehose:error-output-type}/"
    capture.stream(
        "changes-shop", RoleARN=stream_role, Prefix=_FOLDER, ErrorOutputPrefix=errors, CompressionFormat="GZIP"
    )
    put = allow("firehose:PutRecordBatch", "arn:aws:firehose:us-east-1:123456789012:deliverystream/changes-*")
    role = capture.make_role(
        "function", put, allow("s3:PutObject", f"arn:aws:s3:::{BUCKET}/aws/lambda/async/changes/*")
    )
    variables = {"Variables": {"RDS_LAKE_STREAM": "changes-{source}"}}
    capture.function(function_zip(), "changes", HANDLER, Role=role, Environment=variables, Timeout=60)
    settings = {"OnFailure": {"Destination": f"arn:aws:s3:::{BUCKET}"}}
    capture.client("lambda").put_function_event_invoke_config(
        FunctionName="changes", MaximumRetryAttempts=0, DestinationConfig=settings
    )
    return capture


def _in_postgres(url: str, statements: list[str], *, commit: bool = True) -> None:
    with psycopg.connect(url) as connection:
        for statement in statements:
            connection.execute(statement.encode())
        (connection.commit if commit else connection.rollback)()


def _in_mariadb(url: str, statements: list[str], *, commit: bool = True) -> None:
    with closing(connect(url)) as connection, connection.cursor() as cursor:
        connection.begin()
        for statement in statements:
            cursor.execute(statement)
        (connection.commit if commit else connection.rollback)()


WRITERS: dict[str, Callable[..., None]] = {"pg": _in_postgres, "my": _in_mariadb}


def arrived(capture: Streaming) -> list[dict[str, Any]]:
    """Every change in S3, once nothing is under way any more."""
    capture.settled()
    return capture.lines(_FOLDER)


def failed(capture: Streaming) -> list[dict[str, Any]]:
    """The invocation records of events that failed."""
    capture.settled()
    return [json.loads(capture.read(key)) for key in capture.keys("aws/lambda/async/changes/")]


@pytest.mark.parametrize("engine", ["pg", "my"])
def test_changes_reach_the_lake_with_both_images(capture: Streaming, urls: dict[str, str], engine: str) -> None:
    group = '"group"' if engine == "pg" else "`group`"
    WRITERS[engine](
        urls[engine],
        [
            "INSERT INTO routes VALUES (1, 'größe \"x\"'), (2, NULL)",
            f"UPDATE routes SET {group} = 'b' WHERE id = 1",
            "DELETE FROM routes WHERE id = 2",
        ],
    )
    changes = arrived(capture)
    shown = sorted((change["op"], change["key"]["id"], change["old"], change["new"]) for change in changes)
    first, second = {"id": "1", "group": 'größe "x"'}, {"id": "2", "group": None}
    assert shown == [
        ("D", "2", second, None),
        ("I", "1", None, first),
        ("I", "2", None, second),
        ("U", "1", first, {"id": "1", "group": "b"}),
    ]
    assert len({change["xid"] for change in changes}) == 1, "one transaction, where the engine says it"
    assert capture.keys(_FOLDER)[0].endswith(".gz")


@pytest.mark.exhaustive
@pytest.mark.parametrize("engine", ["pg", "my"])
def test_a_transaction_that_is_rolled_back_leaves_changes_that_never_were(
    capture: Streaming, urls: dict[str, str], engine: str
) -> None:
    WRITERS[engine](urls[engine], ["INSERT INTO routes VALUES (1, 'a')"], commit=False)
    WRITERS[engine](urls[engine], ["INSERT INTO routes VALUES (2, 'b')"])
    assert sorted(change["key"]["id"] for change in arrived(capture)) == ["1", "2"]


@pytest.mark.parametrize("engine", ["pg", "my"])
def test_changes_are_lost_doubled_and_mixed_up_as_it_is_asked_for(
    capture: Streaming, urls: dict[str, str], engine: str
) -> None:
    capture.faults(lambdas=[{"lose_percent": 20}, {"repeat_percent": 20}, {"shuffle": 8}])
    WRITERS[engine](urls[engine], [f"INSERT INTO routes VALUES ({number}, 'x')" for number in range(60)])
    ids = [int(change["key"]["id"]) for change in arrived(capture)]
    counts = capture.settled()["counts"]
    times = Counter(ids)
    assert len(times) == 60 - counts["lost"] and 0 < counts["lost"] < 30
    assert sum(count == 2 for count in times.values()) == counts["repeated"] > 0
    assert ids != sorted(ids)


def test_a_lambda_that_cannot_be_reached_fails_the_writer_and_leaves_nothing(
    capture: Streaming, urls: dict[str, str]
) -> None:
    capture.faults(lambdas=[{"unreachable": "Unable to connect to endpoint", "times": 2}])
    with pytest.raises(psycopg.Error, match="invoke API failed"):
        _in_postgres(urls["pg"], ["INSERT INTO routes VALUES (1, 'a')"])
    with pytest.raises(Exception, match="Lambda API returned error: Unable to connect"):
        _in_mariadb(urls["my"], ["INSERT INTO routes VALUES (1, 'a')"])
    assert arrived(capture) == []
    for engine, write in WRITERS.items():
        write(urls[engine], ["INSERT INTO routes VALUES (1, 'a')"])
    assert len(arrived(capture)) == 2


@pytest.mark.exhaustive
def test_what_firehose_refuses_for_a_moment_arrives_once(capture: Streaming, urls: dict[str, str]) -> None:
    capture.faults(firehose=[{"refuse_percent": 40}])
    _in_postgres(urls["pg"], [f"INSERT INTO routes VALUES ({number}, 'x')" for number in range(10)])
    assert sorted(int(change["key"]["id"]) for change in arrived(capture)) == list(range(10))
    assert failed(capture) == []


@pytest.mark.exhaustive
def test_what_firehose_keeps_refusing_lies_whole_at_the_destination(capture: Streaming, urls: dict[str, str]) -> None:
    variables = {"RDS_LAKE_STREAM": "none-{source}"}
    capture.client("lambda").update_function_configuration(FunctionName="changes", Environment={"Variables": variables})
    _in_postgres(urls["pg"], ["INSERT INTO routes VALUES (1, 'a')"])
    (record,) = failed(capture)
    assert record["requestPayload"]["new"] == {"id": "1", "group": "a"}
    assert "not authorized to perform: firehose:PutRecordBatch" in record["responsePayload"]["errorMessage"]
    assert arrived(capture) == []


@pytest.mark.exhaustive
def test_an_event_that_is_no_change_lies_whole_at_the_destination_with_the_reason(capture: Streaming) -> None:
    capture.send({"id": "1", "something": "else"}, "changes")
    (record,) = failed(capture)
    assert record["requestPayload"] == {"id": "1", "something": "else"}
    assert record["responsePayload"]["errorType"] == "BadChangeError"
    assert "source is not a text" in record["responsePayload"]["errorMessage"]
