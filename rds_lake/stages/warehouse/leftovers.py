"""Finds every existing object that a lease names, by a call to AWS for each, and how to remove it.

The order of the calls matters: first the stack and the objects it creates, then those that may appear while these are removed
(final snapshots), so that one pass that finds nothing proves that nothing is left. What belongs here: finding them.
`remove.py` calls this module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from rds_lake.aws.warehouse.clusters import Existing
from rds_lake.aws.warehouse.stacks import Stack, StackGateway
from rds_lake.errors import AwsError, TransientError
from rds_lake.model.warehouse.lease import Lease
from rds_lake.model.warehouse.names import Names
from rds_lake.model.words import counted
from rds_lake.stages.warehouse.stack import delete_token, stacks_of
from rds_lake.stages.warehouse.warehouse import Warehouse


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """An existing object. `state`: in AWS's words, or why AWS could not be asked.

    `remove` starts its removal; None while it is being removed, or if another object must be removed first. `moot`: it
    has ended, whatever AWS reports; its removal is requested, but not waited for.
    """

    kind: str
    name: str
    state: str
    remove: Callable[[], object] | None = None
    moot: bool = False


def run_leftovers(warehouse: Warehouse, names: Names) -> list[Thing]:
    """Returns running statements and the staging of unloads; while statements run, the staging waits for them."""
    active = _asked("statements", names.statements, lambda: _statements(warehouse, names))
    staged = _asked("staging", names.staging, lambda: _staging(warehouse, names))
    return active + ([_waiting(each) for each in staged] if active else staged)


def all_leftovers(warehouse: Warehouse, lease: Lease) -> list[Thing]:
    """Returns every existing object that the lease names."""
    names = lease.names
    stack = _asked("stack", names.stack or "", lambda: _stack(warehouse, lease)) if names.stack else []
    made = _asked("Redshift", names.stack or "", lambda: _made(warehouse, lease, free=not stack))
    after = not stack and not made
    rest = _asked("Redshift", names.stack or "", lambda: _snapshots(warehouse, lease))
    rest += _asked("Redshift", names.stack or "", lambda: _groups(warehouse, lease, free=after))
    rest += _asked("secret", names.secret or "", lambda: _secret(warehouse, lease, free=after))
    rest += _asked("role", names.role or "", lambda: _role(warehouse, lease, free=after))
    if names.stack is None or made:
        return [*stack, *made, *rest, *run_leftovers(warehouse, names)]
    # Nothing runs without a cluster or workgroup.
    statements = _asked("statements", names.statements, lambda: _statements(warehouse, names))
    staged = _asked("staging", names.staging, lambda: _staging(warehouse, names))
    return [*stack, *rest, *(replace(each, moot=True) for each in statements), *staged]


def _stack(warehouse: Warehouse, lease: Lease) -> Iterator[Thing]:
    stacks = stacks_of(warehouse, lease)
    stack = stacks.look()
    if stack is not None:
        yield stack_thing(stacks, stack)


def stack_thing(stacks: StackGateway, stack: Stack) -> Thing:
    """Returns the stack as an object to remove."""
    # A creation may be abandoned; any other operation in progress has to end first.
    going = stack.busy and stack.status != "CREATE_IN_PROGRESS"
    remove = None if going else lambda: stacks.delete(stack.id, delete_token(stacks, stack))
    return Thing(kind="stack", name=stack.name, state=stack.status, remove=remove)


def _made(warehouse: Warehouse, lease: Lease, *, free: bool) -> Iterator[Thing]:
    """Yields the cluster, or the workgroup and then its namespace. `free`: they no longer belong to a stack."""
    names = lease.names
    if names.cluster is not None and (cluster := warehouse.redshift.find_cluster(names.cluster)) is not None:
        yield _thing("cluster", cluster, warehouse.redshift.delete_cluster if free else None)
    if names.workgroup is None or names.namespace is None:
        return
    workgroup = warehouse.serverless.find_workgroup(names.workgroup)
    if workgroup is not None:
        yield _thing("workgroup", workgroup, warehouse.serverless.delete_workgroup if free else None)
    if (namespace := warehouse.serverless.find_namespace(names.namespace)) is not None:
        yield _thing("namespace", namespace, warehouse.serverless.delete_namespace if free and not workgroup else None)


def _snapshots(warehouse: Warehouse, lease: Lease) -> Iterator[Thing]:
    cluster, namespace = lease.names.cluster, lease.names.namespace
    if cluster is not None:
        for each in warehouse.redshift.snapshots(cluster):
            yield _thing("snapshot", each, partial(_delete_snapshot, warehouse, cluster))
    if namespace is not None:
        for each in warehouse.serverless.snapshots(namespace):
            yield _thing("snapshot", each, warehouse.serverless.delete_snapshot)


def _delete_snapshot(warehouse: Warehouse, cluster: str, name: str) -> None:
    warehouse.redshift.delete_snapshot(name, cluster)


def _groups(warehouse: Warehouse, lease: Lease, *, free: bool) -> Iterator[Thing]:
    if (prefix := lease.names.groups) is None:
        return
    for name in warehouse.redshift.subnet_groups(prefix):
        remove = partial(warehouse.redshift.delete_subnet_group, name) if free else None
        yield Thing(kind="subnet group", name=name, state="there", remove=remove)
    for name in warehouse.redshift.parameter_groups(prefix):
        remove = partial(warehouse.redshift.delete_parameter_group, name) if free else None
        yield Thing(kind="parameter group", name=name, state="there", remove=remove)


def _secret(warehouse: Warehouse, lease: Lease, *, free: bool) -> Iterator[Thing]:
    name = lease.names.secret
    if name is not None and warehouse.secrets.find(name) is not None:
        yield Thing(
            kind="secret", name=name, state="there", remove=partial(warehouse.secrets.delete, name) if free else None
        )


def _role(warehouse: Warehouse, lease: Lease, *, free: bool) -> Iterator[Thing]:
    """Yields the stack's role; a role from lake.yaml is never deleted."""
    name = lease.names.role
    if name is not None and warehouse.settings.role is None and warehouse.roles.exists(name):
        yield Thing(
            kind="role", name=name, state="there", remove=partial(warehouse.roles.delete, name) if free else None
        )


def _statements(warehouse: Warehouse, names: Names) -> Iterator[Thing]:
    for each in warehouse.statements.named(names.statements):
        if each.is_active:
            cancel = partial(warehouse.statements.cancel, each.id)
            yield Thing(kind="statement", name=each.name, state=each.status, remove=cancel)


def _staging(warehouse: Warehouse, names: Names) -> Iterator[Thing]:
    bucket, prefix = warehouse.lake.layout.bucket, names.staging
    keys = [listed.key for listed in warehouse.lake.s3.list_objects(bucket, prefix)]
    if keys:
        remove = partial(warehouse.lake.s3.delete, bucket, keys)
        yield Thing(
            kind="staging", name=warehouse.lake.layout.uri(prefix), state=counted(len(keys), "object"), remove=remove
        )
    for upload in warehouse.lake.s3.list_uploads(bucket, prefix):
        remove = partial(warehouse.lake.s3.abort_upload, bucket, upload)
        yield Thing(kind="upload", name=warehouse.lake.layout.uri(upload.key), state="unfinished", remove=remove)


def _thing(kind: str, existing: Existing, remove: Callable[[str], object] | None) -> Thing:
    ready = existing.status.lower() in ("available", "paused", "failed")
    return Thing(
        kind=kind,
        name=existing.name,
        state=existing.status,
        remove=partial(remove, existing.name) if remove is not None and ready else None,
    )


def _waiting(thing: Thing) -> Thing:
    return replace(thing, remove=None)


def _asked(kind: str, name: str, look: Callable[[], Iterator[Thing]]) -> list[Thing]:
    """Returns what `look` finds. If AWS does not answer, the object counts as existing."""
    things: list[Thing] = []
    try:
        things.extend(look())
    except (TransientError, AwsError) as error:
        things.append(Thing(kind=kind, name=name, state=f"not known: {error}"))
    return things
