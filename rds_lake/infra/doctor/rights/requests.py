"""Sample requests for everything that a printed statement allows: a role or user must be able to make them.

    "Action": ["s3:GetObject"], "Resource": ["arn:aws:s3:::acme-lake/lake/*"]
    -> may it s3:GetObject on arn:aws:s3:::acme-lake/lake/rds-lake-doctor?

Nothing here calls AWS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

from rds_lake.infra.policy.document import Condition, Statement
from rds_lake.model.aws.arn import parse_arn
from rds_lake.model.permissions.request import Request

_ANYTHING = "rds-lake-doctor"
# Actions on databases of Glue are checked on no table.
# https://docs.aws.amazon.com/glue/latest/dg/glue-specifying-resource-arns.html
_NO_TABLES = {"glue:CreateDatabase", "glue:GetDatabase"}
_ALIASES = "kms:ResourceAliases"


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeKey:
    """The lake's KMS key: its ARN, and its aliases (`alias/acme`)."""

    arn: str
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """The values that replace the patterns of statements. `key`: None if lake.yaml has none, or AWS did not return it."""

    account: str
    region: str
    key: LakeKey | None = None


def requests_of(statement: Statement, samples: Samples) -> Iterator[Request]:
    """Returns a request for each action, resource and condition value of the statement; none for an unknown key."""
    resources = list(
        dict.fromkeys(filter(None, (_resource(resource.arn, samples) for resource in statement.resources)))
    )
    for action in statement.actions:
        for resource in resources:
            if action in _NO_TABLES and ":table/" in resource:
                continue
            for context in _contexts(statement.conditions, samples):
                yield Request(
                    action=action,
                    resource=resource,
                    account=_owner(resource) or samples.account,
                    context={**_everywhere(samples), **context},
                )


def _everywhere(samples: Samples) -> dict[str, tuple[str, ...]]:
    """Returns the condition keys that every request has, without those of its network and of its login."""
    return {"aws:RequestedRegion": (samples.region,), "aws:SecureTransport": ("true",)}


def _resource(arn: str, samples: Samples) -> str | None:
    if arn.split(":")[2:3] == ["kms"]:
        return samples.key.arn if samples.key else None
    return _sample(arn) if arn != "*" else arn


def _contexts(conditions: Condition, samples: Samples) -> Iterator[Mapping[str, tuple[str, ...]]]:
    """Returns each combination of values that the conditions accept."""
    keys: list[tuple[str, Sequence[tuple[str, ...]]]] = []
    for named in conditions.values():
        for key, written in named.items():
            values = (written,) if isinstance(written, str) else written
            if key == _ALIASES:
                keys.append((key, [samples.key.aliases if samples.key else tuple(values)]))
            else:
                keys.append((key, [(_value(key, value),) for value in values]))
    for chosen in product(*(values for _, values in keys)):
        yield dict(zip((key for key, _ in keys), chosen, strict=True))


def _value(key: str, pattern: str) -> str:
    # Services are called `s3.eu-west-1.amazonaws.com`, and the pattern's star is for China's.
    return pattern.rstrip("*") if key == "kms:ViaService" else _sample(pattern)


def _sample(pattern: str) -> str:
    """Returns a text that matches a pattern with `*` and `?`."""
    return pattern.replace("*", _ANYTHING).replace("?", "0")


def _owner(resource: str) -> str:
    return parse_arn(resource).account if resource.startswith("arn:") else ""
