"""Finds everything of a lake that is in the account but not in its stack."""

from __future__ import annotations

from rds_lake.errors import ConfigError
from rds_lake.infra.existing.buckets import buckets
from rds_lake.infra.existing.job import job
from rds_lake.infra.existing.look import Found, Look
from rds_lake.infra.existing.named import databases, key, roles, workgroup
from rds_lake.infra.existing.queues import queues
from rds_lake.infra.existing.rules import rules
from rds_lake.infra.existing.topic import topic

# The pipeline creates missing databases, so these parameters may be `existing` without an object.
_MAY_BE_MISSING = ("Databases",)


def find_existing(look: Look) -> tuple[Found, ...]:
    """Returns existing objects, which the stack uses instead of creating them. Changes nothing.

    ConfigError that lists everything that cannot be used: a bucket of another account or Region, a rule that sends elsewhere, a
    job of another lake, a role of another stack, a parameter that says `existing` for a missing object.
    """
    every = (buckets, key, topic, queues, rules, roles, workgroup, databases, job)
    items = tuple(item for finder in every for item in finder(look))
    missing = look.asked - {item.parameter for item in items} - {*_MAY_BE_MISSING}
    problems = look.problems or [
        f"--parameter {name}=existing: no such object exists; leave the parameter out to have it created"
        for name, value in look.given.items()
        if value == "existing" and name in missing
    ]
    if problems:
        raise ConfigError(
            f"nothing was changed in account {look.account.number}, Region {look.account.region}:", problems
        )
    return tuple(item for item in items if look.given.get(item.parameter, item.value) == item.value)
