"""Functions run as Lambda runs them: their code, their variables, their errors and their limits."""

import base64
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rds_lake.localcloud.lambdas import attempts
from rds_lake.localcloud.lambdas.environment import Environment
from rds_lake_tests.localcloud.permissions.calling import Calling, allow
from rds_lake_tests.localcloud.streaming import BUCKET, Streaming, zipped
from rds_lake_tests.support.world import until

_ECHO = """
import os
runs = 0
def handler(event, context):
    global runs
    runs += 1
    print("run", runs)
    return {
        "event": event, "runs": runs, "variable": os.environ.get("COLOUR"), "home": "HOME" in os.environ,
        "function": context.function_name, "left": context.get_remaining_time_in_millis(),
        "arn": context.invoked_function_arn, "request": context.aws_request_id,
    }
"""


def answered(answer: dict[str, Any]) -> Any:
    return json.loads(answer["Payload"].read())


def refused(call: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call()
    details = caught.value.response
    return details["Error"]["Code"], details["Error"]["Message"], details["ResponseMetadata"]["HTTPStatusCode"]


def test_a_function_gets_its_event_context_and_variables_and_keeps_its_module(streaming: Streaming) -> None:
    arn = streaming.function(_ECHO, Environment={"Variables": {"COLOUR": "größe"}})
    answer = streaming.invoke({"a": [1, "ü"]}, LogType="Tail")
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert "FunctionError" not in answer
    assert base64.b64decode(answer["LogResult"]) == b"run 1\n"
    first = answered(answer)
    left, request = first.pop("left"), first.pop("request")
    assert 0 < left <= 10_000 and len(request) == 36
    expected = {"event": {"a": [1, "ü"]}, "runs": 1, "variable": "größe", "home": False, "function": "f", "arn": arn}
    assert first == expected
    assert answered(streaming.invoke(name=arn))["runs"] == 2, "the environment is used again"


def test_new_code_and_new_variables_count_from_the_next_invocation(streaming: Streaming) -> None:
    streaming.function(_ECHO)
    assert answered(streaming.invoke())["variable"] is None
    changed = {"FunctionName": "f", "Environment": {"Variables": {"COLOUR": "red"}}}
    streaming.client("lambda").update_function_configuration(**changed)
    assert answered(streaming.invoke())["variable"] == "red"
    code = zipped({"app.py": "def handler(event, context): return 'new'"})
    streaming.client("lambda").update_function_code(FunctionName="f", ZipFile=code)
    assert answered(streaming.invoke()) == "new"


@pytest.mark.parametrize(
    ("code", "handler", "kind", "words"),
    [
        ("def handler(event, context): raise KeyError('no such')", "app.handler", "KeyError", "'no such'"),
        ("def handler(event, context): return {1, 2}", "app.handler", "Runtime.MarshalError", "Unable to marshal"),
        ("import nothing_such", "app.handler", "Runtime.ImportModuleError", "Unable to import module 'app'"),
        ("", "app.handler", "Runtime.HandlerNotFound", "Handler 'handler' missing on module 'app'"),
        ("def handler(:", "app.handler", "Runtime.UserCodeSyntaxError", "Syntax error in module 'app'"),
        ("import rds_lake", "app.handler", "Runtime.ImportModuleError", "No module named 'rds_lake'"),
        ("def handler(event, context): import os; os._exit(3)", "app.handler", "Runtime.ExitError", "exit status 3"),
        ("", "other.handler", "Runtime.ImportModuleError", "Unable to import module 'other'"),
    ],
)
def test_errors_of_functions_have_lambdas_shape_and_the_call_itself_succeeds(
    streaming: Streaming, code: str, handler: str, kind: str, words: str
) -> None:
    streaming.function(code, handler=handler)
    answer = streaming.invoke()
    error = answered(answer)
    assert (answer["StatusCode"], answer["FunctionError"], error["errorType"]) == (200, "Unhandled", kind)
    assert words in error["errorMessage"]


def test_a_function_that_takes_too_long_is_ended_and_the_next_invocation_works(streaming: Streaming) -> None:
    code = "import time\ndef handler(event, context):\n    time.sleep(event)\n    return event"
    streaming.function(code, Timeout=1)
    error = answered(streaming.invoke(30))
    assert error["errorType"] == "Sandbox.Timedout" and error["errorMessage"].endswith(
        "Task timed out after 1.00 seconds"
    )
    assert answered(streaming.invoke(0)) == 0


def test_a_reset_ends_a_function_that_runs(streaming: Streaming) -> None:
    streaming.function("import time\ndef handler(event, context): time.sleep(60)", Timeout=60)
    streaming.send(1)
    until(lambda: streaming.cloud.lambdas.queue.shown()["running"])
    started = time.monotonic()
    streaming.prepare()
    until(lambda: not streaming.cloud.lambdas._attempts._used)
    assert time.monotonic() - started < 30, "its process is ended, and the thread that waited for it is free"


def test_a_reset_ends_a_function_that_is_just_being_started(
    streaming: Streaming, monkeypatch: pytest.MonkeyPatch
) -> None:
    def made_during_a_reset(*given: Any) -> Environment:
        environment = Environment(*given)
        streaming.cloud.lambdas.reset()
        return environment

    monkeypatch.setattr(attempts, "Environment", made_during_a_reset)
    streaming.function("import time\ndef handler(event, context): time.sleep(60)", Timeout=60)
    assert answered(streaming.invoke())["errorType"] == "Runtime.ExitError"


def test_what_is_no_zip_file_is_no_function(streaming: Streaming) -> None:
    code, message, _ = refused(lambda: streaming.function(b"no zip"))
    assert code == "InvalidParameterValueException" and "Could not unzip uploaded file" in message


def test_limits_of_a_payload_are_those_of_the_documentation(streaming: Streaming) -> None:
    """https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html"""
    streaming.stand_in(lambda event, context: len(event))
    mega = 1024 * 1024

    def text(size: int) -> bytes:
        return b'"' + b"x" * (size - 2) + b'"'

    assert answered(streaming.invoke(text(6 * mega))) == 6 * mega - 2
    code, message, status = refused(lambda: streaming.invoke(text(6 * mega + 1)))
    assert (code, status) == ("RequestTooLargeException", 413) and "RequestResponse invocation type" in message
    assert streaming.invoke(text(mega), InvocationType="Event")["StatusCode"] == 202
    code, message, _ = refused(lambda: streaming.invoke(text(mega + 1), InvocationType="Event"))
    assert message == "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)"
    assert refused(lambda: streaming.invoke(b"{no json"))[0] == "InvalidRequestContentException"


def test_an_answer_of_more_than_six_megabytes_is_an_error(streaming: Streaming) -> None:
    streaming.stand_in(lambda event, context: "x" * 6_300_000)
    answer = streaming.invoke()
    assert (answer["FunctionError"], answered(answer)["errorType"]) == ("Unhandled", "Function.ResponseSizeTooLarge")


def test_a_dry_run_runs_nothing_and_an_unknown_function_is_named(streaming: Streaming) -> None:
    runs: list[Any] = []
    streaming.stand_in(lambda event, context: runs.append(event))
    assert streaming.invoke(InvocationType="DryRun")["StatusCode"] == 204
    assert runs == []
    code, message, status = refused(lambda: streaming.invoke(name="none"))
    assert (code, status) == ("ResourceNotFoundException", 404)
    assert message == "Function not found: arn:aws:lambda:us-east-1:123456789012:function:none"


def test_a_function_without_capacity_throttles(streaming: Streaming) -> None:
    streaming.stand_in(lambda event, context: event)
    streaming.client("lambda").put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=0)
    assert refused(streaming.invoke)[::2] == ("TooManyRequestsException", 429)
    streaming.client("lambda").delete_function_concurrency(FunctionName="f")
    streaming.faults(lambdas=[{"throttle": True, "times": 1}, {"fail": "boom", "times": 1}])
    assert refused(streaming.invoke)[0] == "TooManyRequestsException"
    assert answered(streaming.invoke())["errorMessage"] == "boom"
    assert answered(streaming.invoke(5)) == 5


def test_a_function_acts_as_its_role(streaming: Streaming) -> None:
    code = f"""
import boto3
def handler(event, context):
    boto3.client("s3").put_object(Bucket="{BUCKET}", Key=event, Body=b"x")
    return boto3.client("sts").get_caller_identity()["Arn"]
"""
    role = streaming.make_role("writer", allow("s3:PutObject", f"arn:aws:s3:::{BUCKET}/good"))
    streaming.function(code, Role=role, Timeout=60)
    assert answered(streaming.invoke("good")) == "arn:aws:sts::123456789012:assumed-role/writer/f-"
    assert "is not authorized to perform: s3:PutObject" in answered(streaming.invoke("bad"))["errorMessage"]


def test_a_callers_rights_are_asked_and_the_role_has_to_let_lambda_in(streaming: Streaming) -> None:
    streaming.stand_in(lambda event, context: event)
    calling = Calling(cloud=streaming.cloud, made={})
    where = "arn:aws:lambda:us-east-1:123456789012:function:f"
    permitted = calling.client("lambda", calling.user(allow("lambda:InvokeFunction", where)))
    assert json.loads(permitted.invoke(FunctionName=where, Payload=b"7")["Payload"].read()) == 7
    code, message, status = refused(lambda: permitted.invoke(FunctionName="g"))
    assert (code, status) == ("AccessDeniedException", 403)
    assert "is not authorized to perform: lambda:InvokeFunction on resource" in message
    assert refused(permitted.list_functions)[0] == "AccessDeniedException"
    maker = calling.client("lambda", calling.user(allow("lambda:*"), allow("iam:PassRole"), name="maker"))
    given = {"FunctionName": "g", "Runtime": "python3.11", "Handler": "a.b", "Code": {"ZipFile": zipped({"a.py": ""})}}
    assert "cannot be assumed by Lambda" in refused(
        lambda: maker.create_function(Role=calling.role(name="closed"), **given)
    )[1]  # fmt: skip
    maker.create_function(Role=streaming.role, **given)
    assert [each["FunctionName"] for each in maker.list_functions()["Functions"]] == ["f", "g"]
