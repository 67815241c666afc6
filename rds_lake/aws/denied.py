"""Explains an access-denied error: what is missing, and the policy statement that would allow it.

    User: arn:aws:sts::…:assumed-role/pipeline/i-0a is not authorized to perform: glue:CreateTable on resource:
    arn:aws:glue:…:catalog because no identity-based policy allows the glue:CreateTable action; add {"Effect": "Allow", "Action":
    "glue:CreateTable", "Resource": "arn:aws:glue:…:catalog"} to the identity-based policy of arn:aws:iam::…:role/pipeline …

The wording differs by service and changes: https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html.
If it names no action, the call's action is used. Nothing here raises: AWS's error always reaches the user.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass

from botocore.exceptions import ClientError

_CODES = {"403", "Forbidden", "AuthorizationError", "AuthorizationErrorException", "UnauthorizedOperation"}
_PERFORM = re.compile(
    r"(?:User: (?P<principal>\S+) )?is not authorized to perform: (?P<action>[\w-]+:\w+)"
    r'(?: on(?: the)? resource: (?:"(?P<quoted>[^"]*)"|(?P<plain>\S.*?)))?'
    r"(?= because | with an explicit deny|[;.]? ?\(|[;.]?\s*$)",
    re.DOTALL | re.IGNORECASE,
)
_LACKING = re.compile(r"because no ([\w -]{1,60}?) allows")
_DENYING = re.compile(r"with an explicit deny(?: in an? ([\w -]{1,60}))?")
# Lake Formation's own refusal, in Glue's errors and within Athena's (https://repost.aws/knowledge-center/glue-insufficient-lakeformation-permissions).
_FORMATION = re.compile(
    r"Insufficient Lake Formation permission\(s\)(?:: Required (?P<rights>[A-Za-z_, ]{1,80}?) on (?P<what>[^\s;()]+))?"
)
_OF_RESOURCE = "resource-based policy"
_SESSION = re.compile(r"arn:([^:]+):sts::(\d+):assumed-role/([^/]+)/.*", re.DOTALL)
_OBJECTS = re.compile(r"s3://([^/\s]+)(?:/(.*?))?(?= to s3://|, bytes \d|$)", re.DOTALL)
# Operations of S3 whose action has another name, or that need two.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_S3_ACTIONS = {
    "ListObjectsV2": ("ListBucket",),
    "HeadBucket": ("ListBucket",),
    "HeadObject": ("GetObject",),
    "CopyObject": ("GetObject", "PutObject"),
    "UploadPartCopy": ("GetObject", "PutObject"),
    "CreateMultipartUpload": ("PutObject",),
    "UploadPart": ("PutObject",),
    "CompleteMultipartUpload": ("PutObject",),
    "DeleteObjects": ("DeleteObject",),
    "ListParts": ("ListMultipartUploadParts",),
    "ListMultipartUploads": ("ListBucketMultipartUploads",),
    "GetBucketEncryption": ("GetEncryptionConfiguration",),
    "GetBucketNotificationConfiguration": ("GetBucketNotification",),
}
_OTHER_ACTIONS = {"sqs:DeleteMessageBatch": ("sqs:DeleteMessage",)}
_OF_BUCKETS = ("ListBucket", "ListBucketMultipartUploads", "GetBucketLocation")


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """Which principal may not do which action on which resources. `principal`: None if AWS does not name it. `lacking`: the type of
    policy that has no Allow.
    """

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    principal: str | None = None
    lacking: str = "identity-based policy"
    denying: str | None = None

    @property
    def advice(self) -> str:
        """Returns what the user has to change, as the second half of a sentence."""
        what = f"{' and '.join(self.actions)} on {' and '.join(self.resources)}"
        if self.denying is not None:
            return (
                f"{what} is denied by {self.denying}, and an explicit deny overrides every allow: remove or narrow the "
                "deny, then repeat"
            )
        if self.lacking == _OF_RESOURCE:
            return self._of_resource
        statement = {"Effect": "Allow", "Action": _one(self.actions), "Resource": _one(self.resources)}
        whose = self.principal or "the role that rds-lake runs as"
        return (
            f"add {json.dumps(statement, ensure_ascii=False)} to the {self.lacking} of {whose}, then repeat; "
            "`rds-lake policy` prints everything that this lake needs"
        )

    @property
    def _of_resource(self) -> str:
        """Returns the advice for a key, bucket or queue whose own policy allows no principal of the account.

        No policy of a role can change that: https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
        """
        owner = self.principal or "ARN of the role that rds-lake runs as"
        in_key = all(action.startswith("kms:") for action in self.actions)
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": owner},
            "Action": _one(self.actions),
            "Resource": "*" if in_key else _one(self.resources),
        }
        return (
            f"add {json.dumps(statement, ensure_ascii=False)} to the policy of {' and '.join(self.resources)} itself, "
            "then repeat: its present policy does not let IAM policies of the role take effect"
        )


def is_denied(code: str) -> bool:
    """Whether the error code means that a permission is missing."""
    return "AccessDenied" in code or code in _CODES


def read_denied(message: str, *, service: str = "", operation: str = "", about: str = "") -> Denied:
    """Returns the denial in AWS's message; values that the message lacks are taken from the call."""
    match = _PERFORM.search(message)
    named = match["quoted"] or match["plain"] if match else None
    actions = (_spelled(match["action"]),) if match else _actions(service, operation)
    lacking, denying = _LACKING.search(message), _DENYING.search(message)
    return Denied(
        actions=actions,
        resources=(named,) if named else _resources(service, actions, about),
        principal=_identity(match["principal"]) if match and match["principal"] else None,
        lacking=lacking[1] if lacking else "identity-based policy",
        denying=f"an explicit deny in a policy of type {denying[1] or 'unknown'!r}" if denying else None,
    )


def advice_of(error: ClientError, service: str, operation: str, about: str) -> str:
    """Returns the advice for a refused call, after a semicolon; empty if no permission is missing.

    Some services use another code, and quote AWS's sentence in their own: Athena says InvalidRequestException.
    """
    detail = error.response.get("Error", {})
    said = str(detail.get("Message", ""))
    if formation := _formation(said):
        return formation
    if not is_denied(str(detail.get("Code", ""))):
        return advice_in(said)
    return f"; {read_denied(said, service=service, operation=operation, about=about).advice}"


def advice_in(text: str) -> str:
    """Returns the advice for a text that contains AWS's sentence (the reason of a failed query); otherwise empty."""
    return _formation(text) or (f"; {read_denied(text).advice}" if _PERFORM.search(text) else "")


def _formation(text: str) -> str:
    """Returns the advice if Lake Formation refused, where IAM policies do not help; otherwise empty."""
    match = _FORMATION.search(text)
    if match is None:
        return ""
    rights = match["rights"].strip().upper().replace(" ", "_") if match["rights"] else "what is missing"
    on = f" on {match['what'].rstrip('.')}" if match["what"] else ""
    return (
        f"; grant {rights}{on} to the role that rds-lake runs as, in Lake Formation (`aws lakeformation "
        "grant-permissions`), then repeat: an IAM policy does not replace this grant"
    )


def _spelled(action: str) -> str:
    """Returns the action as policies spell it: SNS writes its name in capitals."""
    service, _, name = action.partition(":")
    return f"{service.lower()}:{name}"


def _actions(service: str, operation: str) -> tuple[str, ...]:
    name = "".join(part[:1].upper() + part[1:] for part in operation.split("_")) if "_" in operation else operation
    if service == "s3":
        return tuple(f"s3:{action}" for action in _S3_ACTIONS.get(name, (name,)))
    return _OTHER_ACTIONS.get(f"{service}:{name}", (f"{service}:{name}",))


def _resources(service: str, actions: Sequence[str], about: str) -> tuple[str, ...]:
    """Returns the ARNs of the call's objects; `*` for anything that is neither an ARN nor an S3 object."""
    if about.startswith("arn:"):
        return (about,)
    places = _OBJECTS.findall(about) if service == "s3" else []
    whole = all(action.removeprefix("s3:") in _OF_BUCKETS for action in actions)
    return tuple(
        f"arn:aws:s3:::{bucket}" if whole else f"arn:aws:s3:::{bucket}/{key or '*'}" for bucket, key in places
    ) or ("*",)


def _identity(arn: str) -> str:
    """Returns the role of a session: policies belong to the role."""
    session = _SESSION.fullmatch(arn)
    return f"arn:{session[1]}:iam::{session[2]}:role/{session[3]}" if session else arn


def _one(values: Sequence[str]) -> str | list[str]:
    return values[0] if len(values) == 1 else list(values)
