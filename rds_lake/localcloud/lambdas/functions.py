"""Functions as moto stores them, and the settings of their invocations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moto.awslambda.models import lambda_backends
from moto.core.exceptions import JsonRESTError

from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake.localcloud.http.app import ApiError

_RETRIES, _AGE_SECONDS = 2, 21_600


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One version of a function. `reserved`: its reserved concurrency, None without."""

    name: str
    arn: str
    version: str
    handler: str
    digest: str
    code: bytes
    variables: tuple[tuple[str, str], ...]
    seconds: int
    memory: int
    role: str
    reserved: int | None
    region: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSettings:
    """How asynchronous invocations are retried, and the destinations of their records (ARNs)."""

    retries: int = _RETRIES
    age_seconds: int = _AGE_SECONDS
    on_failure: str | None = None
    on_success: str | None = None


def find_function(name: str, region: str, qualifier: str | None = None) -> Function:
    """Returns the function of a name, partial ARN or ARN. ApiError, as in AWS, if it does not exist."""
    stored = _stored(name, region, qualifier)
    return Function(
        name=stored.function_name,
        arn=stored.function_arn,
        version=str(stored.version),
        handler=stored.handler or "",
        digest=stored.code_sha_256,
        code=stored.code_bytes,
        variables=tuple(sorted((stored.environment_vars or {}).items())),
        seconds=int(stored.timeout),
        memory=int(stored.memory_size),
        role=stored.role,
        reserved=None if stored.reserved_concurrency is None else int(stored.reserved_concurrency),
        region=region,
    )


def event_settings(name: str, region: str) -> EventSettings:
    """Returns the settings of PutFunctionEventInvokeConfig; AWS's defaults without it."""
    configured = _stored(name, region, None).event_invoke_config
    if not configured:
        return EventSettings()
    given = configured[-1].config
    destinations = given.get("DestinationConfig") or {}
    return EventSettings(
        retries=given.get("MaximumRetryAttempts", _RETRIES),
        age_seconds=given.get("MaximumEventAgeInSeconds", _AGE_SECONDS),
        on_failure=(destinations.get("OnFailure") or {}).get("Destination") or None,
        on_success=(destinations.get("OnSuccess") or {}).get("Destination") or None,
    )


def forget_event_settings(name: str, region: str) -> None:
    """Remove the settings, so that new ones replace them: moto always uses the first ones."""
    _stored(name, region, None).event_invoke_config.clear()


def _stored(name: str, region: str, qualifier: str | None) -> Any:
    """Returns moto's function. ApiError if it does not exist."""
    parts = name.rpartition("function:")[2].split(":")
    qualifier = parts[1] if len(parts) > 1 else qualifier
    try:
        return lambda_backends[ACCOUNT][region].get_function(parts[0], qualifier)
    except JsonRESTError as error:
        arn = f"arn:aws:lambda:{region}:{ACCOUNT}:function:{':'.join(filter(None, (parts[0], qualifier)))}"
        raise ApiError("ResourceNotFoundException", f"Function not found: {arn}", 404) from error
