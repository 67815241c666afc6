"""botocore's errors become rds-lake's, here and nowhere else.

What belongs here: which code is transient, which is a conflict. What does not: what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from rds_lake.errors import (
    AwsError,
    ConfigError,
    ConflictError,
    RdsLakeError,
    ThrottledError,
    UnavailableError,
)

_THROTTLED = {
    "503 SlowDown",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "RequestThrottled",
    "RequestThrottledException",
    "RequestLimitExceeded",
    "TooManyRequestsException",
    "BandwidthLimitExceeded",
    "ProvisionedThroughputExceededException",
    "PriorRequestNotComplete",
}
# Answered with a 4xx status, and still worth repeating.
_UNAVAILABLE = {
    "OperationTimeoutException",
    "RequestTimeout",
    "RequestTimeoutException",
    "InternalServiceException",
    "InternalServerException",
}
# What AWS answers when this machine's clock is wrong; the first codes also mean a wrong secret key.
_SIGNATURES = {"InvalidSignatureException", "SignatureDoesNotMatch"}
_OTHER_TIME = ("Signature expired", "Signature not yet current")
_SKEWED = {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"}
_CLOCK_ADVICE = "this machine's clock differs from AWS's by minutes: set it (NTP), then repeat"
_CONFLICT = {
    "AlreadyExistsException",
    "ConcurrentModificationException",
    "ExportTaskAlreadyExists",
    "ExportTaskAlreadyExistsFault",
    "VersionMismatchException",
    "PreconditionFailed",
    "ConditionalRequestConflict",
}


@contextmanager
def aws_errors(service: str, operation: str, *, about: str = "") -> Iterator[None]:
    """Run one AWS call; raise our error for botocore's, with the service's code and message kept.

    `about` names the object, since AWS's own message mostly does not.
    """
    try:
        yield
    except ClientError as error:
        raise _translate(error, service, operation, about) from error
    except (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, NoRegionError) as error:
        raise ConfigError(f"{service} {operation}: {error}; configure AWS credentials and a Region") from error
    except (HTTPClientError, NoConnectionError, IncompleteReadError) as error:
        raise UnavailableError(f"{service} {operation}{_of(about)}: {error}; the call can be repeated") from error
    except BotoCoreError as error:
        message = f"{error}{_of(about)}"
        raise AwsError(service=service, operation=operation, code=type(error).__name__, message=message) from error


def _of(about: str) -> str:
    return f" ({about})" if about else ""


def _translate(error: ClientError, service: str, operation: str, about: str) -> RdsLakeError:
    code = error.response.get("Error", {}).get("Code", "Unknown")
    message = error.response.get("Error", {}).get("Message", str(error)) + _of(about)
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLED:
        return ThrottledError(f"{service} {operation} was throttled: {code}: {message}; it can be repeated")
    if code in _CONFLICT:
        return ConflictError(service=service, operation=operation, code=code, message=message)
    if status >= 500 or code in _UNAVAILABLE:
        return UnavailableError(f"{service} {operation} answered {status}: {code}: {message}; it can be repeated")
    if code in _SKEWED or (code in _SIGNATURES and message.startswith(_OTHER_TIME)):
        message = f"{message}; {_CLOCK_ADVICE}"
    return AwsError(service=service, operation=operation, code=code, message=message)
