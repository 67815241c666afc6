"""AWS's refusals for a missing permission: message, code and status, as each service returns them.

(https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html)
"""

from __future__ import annotations

from dataclasses import replace

from rds_lake.localcloud.http.models import service_model, service_of
from rds_lake.model.permissions.evaluate import Decision
from rds_lake.model.permissions.explain import message
from rds_lake.model.permissions.request import Principal, Request

_FORBIDDEN, _BAD_REQUEST = "403 Forbidden", "400 Bad Request"
# Signing name -> code, for services that do not use the usual code of their protocol.
_CODES = {"sns": "AuthorizationError", "sqs": "AccessDenied"}
_JSON = ("json", "rest-json")
_INVALID, _EXPIRED = (
    "The security token included in the request is invalid.",
    "The security token included in the request is expired",
)


def sentence(request: Request, principal: Principal, decision: Decision) -> str:
    """Returns AWS's sentence. S3 quotes its ARN; SQS writes the action in lower case, SNS the service in capitals."""
    action, resource = request.action, request.resource
    service, _, name = action.partition(":")
    written = {"sqs": action.lower(), "sns": f"SNS:{name}"}.get(service, action)
    shown = f'"{resource}"' if service == "s3" else resource
    spelled = replace(decision, reason=decision.reason.replace(action, written))
    return message(replace(request, action=written, resource=shown), principal, spelled)


def denied(signed_as: str) -> tuple[str, str]:
    """Returns code and status of a request without permission. `signed_as`: the service in its signature."""
    protocol = _protocol(signed_as)
    code = _CODES.get(signed_as, "AccessDeniedException" if protocol in _JSON else "AccessDenied")
    return code, _BAD_REQUEST if protocol == "json" and signed_as not in _CODES else _FORBIDDEN


def bad_key(signed_as: str, *, expired: bool) -> tuple[str, str, str]:
    """Returns code, message and status of a request with an access key that is no longer active."""
    protocol = _protocol(signed_as)
    if protocol == "rest-xml":
        if expired:
            return "ExpiredToken", "The provided token has expired.", _BAD_REQUEST
        message = "The AWS Access Key Id you provided does not exist in our records."
        return "InvalidAccessKeyId", message, _FORBIDDEN
    if protocol in _JSON:
        code = "ExpiredTokenException" if expired else "UnrecognizedClientException"
        return code, _EXPIRED if expired else _INVALID, _BAD_REQUEST if protocol == "json" else _FORBIDDEN
    return "ExpiredToken" if expired else "InvalidClientTokenId", _EXPIRED if expired else _INVALID, _FORBIDDEN


def _protocol(signed_as: str) -> str:
    return service_model(service_of(signed_as)).protocol
