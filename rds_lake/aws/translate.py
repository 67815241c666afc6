"""botocore's errors become rds-lake's, here and nowhere else.

What belongs here: which code is transient, which is a conflict.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, NoCredentialsError, NoRegionError

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
def aws_errors(service: str, operation: str) -> Iterator[None]:
    """Run one AWS call; raise our error for botocore's, with the service's code and message kept."""
    try:
        yield
    except ClientError as error:
        raise _translate(error, service, operation) from error
    except (NoCredentialsError, NoRegionError) as error:
        raise ConfigError(f"{service} {operation}: {error}; configure AWS credentials and a Region") from error
    except HTTPClientError as error:
        raise UnavailableError(f"{service} {operation}: {error}; the call can be repeated") from error
    except BotoCoreError as error:
        raise AwsError(service=service, operation=operation, code=type(error).__name__, message=str(error)) from error


def _translate(error: ClientError, service: str, operation: str) -> RdsLakeError:
    code = error.response.get("Error", {}).get("Code", "Unknown")
    message = error.response.get("Error", {}).get("Message", str(error))
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in _THROTTLED:
        return ThrottledError(f"{service} {operation} was throttled: {code}: {message}")
    if code in _CONFLICT:
        return ConflictError(service=service, operation=operation, code=code, message=message)
    if status >= 500:
        return UnavailableError(f"{service} {operation} answered {status}: {code}: {message}")
    return AwsError(service=service, operation=operation, code=code, message=message)
