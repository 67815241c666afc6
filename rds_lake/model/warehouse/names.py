"""The names of everything that a warehouse creates; all are known before anything exists.

    rds-lake-recommendations-3f9c2d71ab       stack, and what it makes: cluster, or namespace and workgroup; role; groups
    └──┬───┘ └──────┬──────┘ └───┬────┘
     prefix     warehouse      hash of lake, warehouse, run and the number of the lease
    redshift!rds-lake-recommendations-3f9c2d71ab-rds_lake_admin      the secret of the admin's password, as Redshift calls it
    rds-lake/8c6976e5b5/recommendations/<run>/…                      statements of the Data API
    <prefix>/_warehouses/recommendations/staging/<run>/…             unloads that are not published yet

The number gives each lease new names, so that removing the objects of an earlier lease never affects those of the next one.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.warehouse.plan import Mode

# Tag of a stack: the prefix of the names of its run's statements, which identifies lake, warehouse and run.
STATEMENTS_TAG = "rds-lake:statements"
ADMIN = "rds_lake_admin"
_HASHED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """The names in a lease; None for what the warehouse's mode does not have.

    `groups`: the prefix of the stack's subnet and parameter groups, whose ends CloudFormation generates. `secret`: a
    name in Secrets Manager. `statements`: the prefix of StatementName. `staging`: a prefix of the lake's bucket, with a
    trailing slash.
    """

    statements: str
    staging: str
    stack: str | None = None
    role: str | None = None
    cluster: str | None = None
    namespace: str | None = None
    workgroup: str | None = None
    groups: str | None = None
    secret: str | None = None

    def for_run(self, other: Names) -> Names:
        """Returns the names of the same stack with the statements and staging of another run that adopts it."""
        return replace(self, statements=other.statements, staging=other.staging)


def names_of(layout: LakeLayout, warehouse: str, run: str, mode: Mode, number: int) -> Names:
    """Returns the names of a run's lease; `number`: the number of the lease."""
    if mode is Mode.EXISTING:
        return _of_run(layout, warehouse, run)
    name = f"{stem_of(warehouse)}-{_hash(_lake(layout), warehouse, run, str(number))}"
    names = names_of_stack(layout, warehouse, run, name)
    if mode is Mode.CLUSTER:
        return replace(names, namespace=None, workgroup=None)
    return replace(names, cluster=None, groups=None)


def names_of_stack(layout: LakeLayout, warehouse: str, run: str, stack: str) -> Names:
    """Returns the names of everything that a stack of this name may have created for a run, in any mode."""
    return replace(
        _of_run(layout, warehouse, run), stack=stack, role=stack, secret=f"redshift!{stack}-{ADMIN}", cluster=stack,
        groups=f"{stack}-", namespace=stack, workgroup=stack,
    )  # fmt: skip


def is_name_of(warehouse: str, stack: str) -> bool:
    """Whether a stack of this name may belong to the warehouse; another lake's stack may have such a name, too."""
    return re.fullmatch(rf"{re.escape(stem_of(warehouse))}-[0-9a-f]{{{_HASHED}}}", stack) is not None


def statements_of(layout: LakeLayout, warehouse: str) -> str:
    """Returns the prefix of the names of all statements of the warehouse, unique for each lake."""
    return f"rds-lake/{_hash(_lake(layout))}/{warehouse}/"


def _of_run(layout: LakeLayout, warehouse: str, run: str) -> Names:
    return Names(
        statements=f"{statements_of(layout, warehouse)}{run}/", staging=layout.warehouse_staging(warehouse, run)
    )


def _lake(layout: LakeLayout) -> str:
    return f"s3://{layout.bucket}/{layout.prefix}"


def stem_of(warehouse: str) -> str:
    """Returns the prefix of the names of everything in the warehouse's stacks, without the hyphen before the hash."""
    return f"rds-lake-{re.sub('_+', '-', warehouse).strip('-')}"


def client_token(name: str) -> str:
    """Returns CloudFormation's token for a call, always the same for the same name."""
    return hashlib.sha256(name.encode()).hexdigest()


def _hash(*parts: str) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:_HASHED]


def foreign_names(names: Names, layout: LakeLayout, warehouse: str, run: str) -> tuple[str, ...]:
    """Returns names that no run of the warehouse creates. They are refused, as a forged lease could name any object for removal."""
    stack = names.stack if names.stack is not None and is_name_of(warehouse, names.stack) else None
    made = {names.role, names.cluster, names.namespace, names.workgroup}
    foreign = {each for each in (names.stack, *made) if each != stack}
    if stack is None or names.groups != f"{stack}-":
        foreign.add(names.groups)
    if stack is None or names.secret != f"redshift!{stack}-{ADMIN}":
        foreign.add(names.secret)
    own = names_of(layout, warehouse, run, Mode.EXISTING, 0)
    foreign |= {names.statements, names.staging} - {own.statements, own.staging}
    return tuple(sorted(each for each in foreign if each is not None))
