"""Translates botocore's errors into rds-lake's; no other module does.

What belongs here: which error code is transient, and which is a conflict. `stages/` decides what to do about an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    LoginError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
from botocore.exceptions import ConnectionError as NoConnectionError

from rds_lake.aws.budget import EXPIRED, is_untrusted
from rds_lake.aws.denied import advice_of
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
    "ActiveStatementsExceededException",
    "ActiveSessionsExceededException",
    "ActiveWaitingRequestsExceededException",
}
# Codes with a 4xx status after which a repetition may succeed.
_UNAVAILABLE = {
    "OperationTimeoutException",
    "RequestTimeout",
    "RequestTimeoutException",
    "InternalServiceException",
    "InternalServerException",
}
# AWS's codes if this machine's clock is wrong; the first two may also mean a wrong secret key.
_SIGNATURES = {"InvalidSignatureException", "SignatureDoesNotMatch"}
_OTHER_TIME = ("Signature expired", "Signature not yet current")
_SKEWED = {"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"}
_CLOCK_ADVICE = "this machine's clock differs from AWS's by minutes: set it (NTP), then repeat"
_LOGIN_ADVICE = "log in again (`aws sso login`) or check the role, then repeat"
PROFILE_ADVICE = "correct that in ~/.aws/config or ~/.aws/credentials, or choose another profile with AWS_PROFILE"
TRUST_ADVICE = (
    "name the file of certificates to trust in AWS_CA_BUNDLE or the profile's `ca_bundle`, or correct the endpoint"
)
# Calls that botocore makes for credentials during any other call.
_RENEWING = {"AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML", "GetRoleCredentials"}
_REDIRECTS = (301, 302, 307, 308)
_OTHER_REGION = {"AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_CONFLICT = {
    "AlreadyExistsException",
    "ConcurrentModificationException",
    "ExportTaskAlreadyExists",
    "ExportTaskAlreadyExistsFault",
    "VersionMismatchException",
    "PreconditionFailed",
    "TokenAlreadyExistsException",
    "ConditionalRequestConflict",
}


@contextmanager
def aws_errors(service: str, operation: str, *, about: str = "") -> Iterator[None]:
    """Run one AWS call, and raise rds-lake's error for botocore's, with the service's code and message.

    `about` names the object, because AWS's message usually does not.
    """
    try:
        yield
    except ClientError as error:
        raise _translate(error, service, operation, about) from error
    except (NoCredentialsError, PartialCredentialsError, NoRegionError) as error:
        raise ConfigError(f"{service} {operation}: {error}; configure AWS credentials and a Region") from error
    except (CredentialRetrievalError, TokenRetrievalError, SSOError, LoginError) as error:
        raise ConfigError(f"AWS credentials cannot be renewed: {error}; {_LOGIN_ADVICE}") from error
    except (HTTPClientError, NoConnectionError, IncompleteReadError, FlexibleChecksumError) as error:
        if is_untrusted(error):
            raise ConfigError(f"{service} {operation}: {error}; {TRUST_ADVICE}") from error
        raise UnavailableError(f"{service} {operation}{_of(about)}: {error}; the call can be repeated") from error
    except (FileNotFoundError, PermissionError) as error:
        if error.filename is None:
            raise
        # A call may read files for credentials: a web identity token, the program of `credential_process`.
        raise ConfigError(
            f"AWS credentials cannot be used: {error}; {PROFILE_ADVICE}, or AWS_WEB_IDENTITY_TOKEN_FILE"
        ) from error
    except BotoCoreError as error:
        message = f"{error}{_of(about)}"
        raise AwsError(service=service, operation=operation, code=type(error).__name__, message=message) from error


@contextmanager
def unless_code(code: str) -> Iterator[None]:
    """Ends the block without an error where AWS refuses with this code. Around `aws_errors`."""
    try:
        yield
    except AwsError as error:
        if error.code != code:
            raise


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
    if error.operation_name in _RENEWING and error.operation_name != operation:
        return ConfigError(f"AWS credentials cannot be renewed: {error}; {_LOGIN_ADVICE}")
    if code in EXPIRED:
        return ConfigError(f"AWS credentials have expired: {service} {operation}: {message}; {_LOGIN_ADVICE}")
    if region := _other_region(error, code, status):
        message = f"{message}; the bucket is in {region}: name that Region in lake.yaml (`lake: region:`)"
    message += advice_of(error, service, operation, about)
    if code in _SKEWED or (code in _SIGNATURES and message.startswith(_OTHER_TIME)):
        message = f"{message}; {_CLOCK_ADVICE}"
    return AwsError(service=service, operation=operation, code=code, message=message)


def _other_region(error: ClientError, code: str, status: int) -> str | None:
    """Returns the bucket's Region if S3's redirect names it."""
    if status not in _REDIRECTS and code not in _OTHER_REGION:
        return None
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    detail: Any = error.response.get("Error", {})
    return headers.get("x-amz-bucket-region") or detail.get("Region")
