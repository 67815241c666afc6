"""`aws_lambda.invoke` and `aws_commons.create_lambda_function_arn` in a PostgreSQL database, with RDS's parameters and errors.

A call leaves the database through dblink, at once and outside of the transaction: a rollback does not undo it. An error of Lambda
is an error of the writer's statement.

(https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/PostgreSQL-Lambda-functions.html)
"""

from __future__ import annotations

import json
from typing import LiteralString, cast

import psycopg
from psycopg import sql

from rds_lake.localcloud.lambdas.calls.calls import CallFailedError, DatabaseCall, DatabaseCalls, FunctionFailedError
from rds_lake.localcloud.lambdas.calls.wire import Refused, Row

_COLUMNS = ("status_code", "payload", "executed_version", "log_result")
_HOME = "rds_lake_local"
_MARK = "made by rds-lake's local cloud"
_FOREIGN = """
SELECT nspname FROM pg_namespace
WHERE nspname IN ('aws_lambda', 'aws_commons') AND obj_description(oid, 'pg_namespace') IS DISTINCT FROM %s
"""
_SCHEMAS = """
DROP SCHEMA IF EXISTS aws_lambda, aws_commons CASCADE;
CREATE SCHEMA aws_commons;
GRANT USAGE ON SCHEMA aws_commons TO PUBLIC;
CREATE TYPE aws_commons._lambda_function_arn_1 AS (function_name text, region text);
CREATE FUNCTION aws_commons.create_lambda_function_arn(function_name text, region text DEFAULT NULL)
RETURNS aws_commons._lambda_function_arn_1 LANGUAGE sql IMMUTABLE AS 'SELECT ($1, $2)::aws_commons._lambda_function_arn_1';
CREATE SCHEMA aws_lambda;
COMMENT ON SCHEMA aws_lambda IS {mark};
COMMENT ON SCHEMA aws_commons IS {mark};
"""
# A session keeps its connection, and opens another one if the local cloud has closed it.
_CALL = """
CREATE FUNCTION aws_lambda._invoke(
    function_name text, body text, region text, kind text, log_type text, qualifier text,
    OUT status_code int, OUT payload text, OUT executed_version text, OUT log_result text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, {home}, pg_temp AS $function$
DECLARE
  request CONSTANT text := 'invoke ' || json_build_object('database', {database}, 'function', function_name,
    'payload', body, 'kind', kind, 'region', region, 'log_type', log_type, 'qualifier', qualifier);
  message text;
  detail text;
BEGIN
  FOR attempt IN 1..2 LOOP
    BEGIN
      IF NOT coalesce('rds_lake_lambda' = ANY (dblink_get_connections()), false) THEN
        PERFORM dblink_connect('rds_lake_lambda', {address});
      END IF;
      SELECT answer.* INTO status_code, payload, executed_version, log_result
      FROM dblink('rds_lake_lambda', request) AS answer(a int, b text, c text, d text);
      RETURN;
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    END;
    IF message IN ('invoke API failed', 'lambda invocation failed') THEN
      RAISE EXCEPTION '%', message USING DETAIL = detail;
    END IF;
    BEGIN
      PERFORM dblink_disconnect('rds_lake_lambda');
    EXCEPTION WHEN OTHERS THEN
      NULL;
    END;
  END LOOP;
  RAISE EXCEPTION 'invoke API failed' USING DETAIL = 'AWS Lambda client returned ''Unable to connect to endpoint''.';
END
$function$;
"""
_INVOKE = """
CREATE FUNCTION aws_lambda.invoke(
    function_name {function}, payload {json}, region text DEFAULT NULL, invocation_type text DEFAULT 'RequestResponse',
    log_type text DEFAULT 'None', context json DEFAULT NULL, qualifier varchar(128) DEFAULT NULL,
    OUT status_code int, OUT payload {json}, OUT executed_version text, OUT log_result text)
LANGUAGE sql AS $function$
  SELECT i.status_code, i.payload::{json}, i.executed_version, i.log_result
  FROM aws_lambda._invoke({name}, $2::text, {region}, $4, $5, $7) AS i
$function$;
"""
_GRANTS = """
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA aws_lambda FROM PUBLIC;
"""


class ForeignSchemaError(RuntimeError):
    """The database has a schema of this name that the local cloud did not create; it is not changed."""


def install(url: str, *, database: str, port: int) -> None:
    """Create the functions in the database of a URL, whose user is a superuser; existing ones are replaced, without their grants.

    ForeignSchemaError if other functions have their names.
    """
    with psycopg.connect(url) as connection:
        foreign = [name for (name,) in connection.execute(_FOREIGN, [_MARK])]
        if foreign:
            raise ForeignSchemaError(
                f"it has a schema {foreign[0]} that the local cloud did not create: drop or rename it first"
            )
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(_HOME)))
        connection.execute(sql.SQL("CREATE EXTENSION IF NOT EXISTS dblink SCHEMA {}").format(sql.Identifier(_HOME)))
        row = connection.execute(
            "SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'dblink'"
        ).fetchone()
        assert row is not None
        address = (
            f"host=127.0.0.1 port={port} dbname=lambda user=lambda sslmode=disable gssencmode=disable connect_timeout=5"
        )
        connection.execute(sql.SQL(_SCHEMAS).format(mark=sql.Literal(_MARK)))
        connection.execute(
            sql.SQL(_CALL).format(
                home=sql.Identifier(row[0]), database=sql.Literal(database), address=sql.Literal(address)
            )
        )
        for function in ("text", "aws_commons._lambda_function_arn_1"):
            for json_type in ("json", "jsonb"):
                connection.execute(_invoke(function, json_type))
        connection.execute(_GRANTS)


def _invoke(function: str, json_type: str) -> sql.Composed:
    """Returns one of the function's four forms in RDS."""
    composite = function != "text"
    name, region = ("($1).function_name", "coalesce(($1).region, $3)") if composite else ("$1", "$3")
    parts = {"function": function, "json": json_type, "name": name, "region": region}
    return sql.SQL(_INVOKE).format(**{key: sql.SQL(cast(LiteralString, text)) for key, text in parts.items()})


def answer(calls: DatabaseCalls, statement: str) -> Row | Refused | None:
    """Returns the answer to a statement of dblink."""
    verb, _, request = statement.partition(" ")
    if verb != "invoke":
        return None
    given = json.loads(request)
    call = DatabaseCall(
        database=given["database"],
        function=given["function"] or "",
        payload=given["payload"] or "",
        kind=given["kind"] or "RequestResponse",
        region=given["region"],
        qualifier=given["qualifier"],
    )
    try:
        invoked = calls.make(call)
    except CallFailedError as error:
        return Refused(message="invoke API failed", detail=f"AWS Lambda client returned '{error}'.")
    except FunctionFailedError as error:
        return Refused(message="lambda invocation failed", detail=str(error))
    payload = None if invoked.outcome is None else json.dumps(invoked.outcome.payload)
    log = invoked.outcome.log if invoked.outcome is not None and given["log_type"] == "Tail" else None
    return Row(columns=_COLUMNS, values=(str(invoked.status), payload, invoked.version, log))
