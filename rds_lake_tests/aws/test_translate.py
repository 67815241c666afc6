"""botocore's errors, one by one; none may pass untranslated."""

import botocore.exceptions as foreign
import pytest

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import (
    AwsError,
    ConfigError,
    ConflictError,
    RdsLakeError,
    ThrottledError,
    TransientError,
    UnavailableError,
)


def refusal(code: str, status: int = 400) -> foreign.ClientError:
    answer = {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return foreign.ClientError(answer, "Op")  # type: ignore[arg-type]


def translated(error: BaseException) -> RdsLakeError:
    with pytest.raises(RdsLakeError) as caught, aws_errors("s3", "GetObject", about="s3://lake/key"):
        raise error
    assert caught.value.__cause__ is error
    return caught.value


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("SlowDown", 503, ThrottledError),
        ("Throttling", 400, ThrottledError),
        ("ThrottlingException", 400, ThrottledError),
        ("RequestLimitExceeded", 503, ThrottledError),
        ("TooManyRequestsException", 400, ThrottledError),
        ("InternalError", 500, UnavailableError),
        ("ServiceUnavailable", 503, UnavailableError),
        ("OperationTimeoutException", 400, UnavailableError),
        ("RequestTimeout", 400, UnavailableError),
        ("ConcurrentModificationException", 400, ConflictError),
        ("AlreadyExistsException", 400, ConflictError),
        ("ExportTaskAlreadyExists", 400, ConflictError),
        ("AccessDenied", 403, AwsError),
        ("EntityNotFoundException", 400, AwsError),
    ],
)
def test_a_refusal_becomes_the_error_its_code_means(code: str, status: int, kind: type[RdsLakeError]) -> None:
    error = translated(refusal(code, status))
    assert type(error) is kind
    assert code in str(error)
    assert "s3://lake/key" in str(error)


@pytest.mark.parametrize(
    "error",
    [
        foreign.EndpointConnectionError(endpoint_url="http://x"),
        foreign.ConnectTimeoutError(endpoint_url="http://x"),
        foreign.ReadTimeoutError(endpoint_url="http://x"),
        foreign.ConnectionClosedError(endpoint_url="http://x"),
        foreign.SSLError(endpoint_url="http://x", error=OSError("handshake")),
        foreign.ResponseStreamingError(error="reset"),
        foreign.IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_broken_connection_is_worth_repeating(error: foreign.BotoCoreError) -> None:
    assert isinstance(translated(error), UnavailableError)


@pytest.mark.parametrize(
    "error",
    [
        foreign.NoCredentialsError(),
        foreign.NoRegionError(),
        foreign.PartialCredentialsError(provider="x", cred_var="y"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_missing_configuration_says_what_to_configure(error: foreign.BotoCoreError) -> None:
    assert isinstance(translated(error), ConfigError)
    assert "configure AWS credentials and a Region" in str(translated(error))


def test_no_error_of_botocore_passes_untranslated() -> None:
    kinds = [
        kind for kind in vars(foreign).values() if isinstance(kind, type) and issubclass(kind, foreign.BotoCoreError)
    ]
    assert len(kinds) > 50
    for kind in kinds:
        error = kind.__new__(kind)
        Exception.__init__(error, "whatever")
        assert isinstance(translated(error), RdsLakeError)


def test_errors_of_our_own_and_of_python_pass_as_they_are() -> None:
    with pytest.raises(KeyboardInterrupt), aws_errors("s3", "GetObject"):
        raise KeyboardInterrupt
    with pytest.raises(UnavailableError, match="mine"), aws_errors("s3", "GetObject"):
        raise UnavailableError("mine")


def test_a_refusal_is_never_transient_unless_its_code_says_so() -> None:
    assert not isinstance(translated(refusal("Unheard0f")), TransientError)
