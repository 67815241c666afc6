"""A lake's stack, made in the caller's thread and without events: the same template, resource for resource, in half the time.

Hundreds of tests need a lake, and look at nothing of how it came to be. What CloudFormation does beside making resources is
tested in `rds_lake_tests/localcloud/stacks` and `rds_lake_tests/infra/stack`.
"""

from __future__ import annotations

import copy
import functools
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from moto.iam.models import iam_backends
from moto.kms.models import kms_backends

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.template.build import build_template
from rds_lake.infra.template.job import job_files
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.http.account import ACCOUNT, REGION
from rds_lake.localcloud.permissions.acting import Actors
from rds_lake.localcloud.stacks.book import Book
from rds_lake.localcloud.stacks.orders import pseudo_values
from rds_lake.localcloud.stacks.resources import Resources, Tools
from rds_lake.localcloud.stacks.state import Order, Resource, Stack
from rds_lake.localcloud.stacks.template.plan import Plan, Wanted, plan_of
from rds_lake.localcloud.stacks.template.schemas import TypeSchema

# What no pipeline notices, and each of which is another call: alarms, refusals of who comes without TLS, upkeep of the bucket.
_LEFT_OUT = ("AWS::CloudWatch::Alarm", "AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy")
_POLICIES_LEFT_OUT = ("DeadLettersPolicy", "UndeliveredPolicy")
_PROPERTIES_LEFT_OUT = ("LifecycleConfiguration", "OwnershipControls", "Tags")
_NAMES = {"AWS::S3::Bucket": "BucketName", "AWS::KMS::Alias": "AliasName"}
_NAME = "lake"
_ID = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{_NAME}/at-once"
# What was made in a cloud since its last reset, by the lake's events queue.
_MADE: WeakKeyDictionary[LocalCloud, dict[str, Stack]] = WeakKeyDictionary()
_PLANS: dict[str, Plan] = {}
# Where moto keeps roles and keys, by their ids.
_KEPT: dict[str, Callable[[], dict[str, Any]]] = {
    "AWS::IAM::Role": lambda: iam_backends[ACCOUNT]["aws"].roles,
    "AWS::KMS::Key": lambda: kms_backends[ACCOUNT][REGION].keys,
}
# They as they were made, by name in the template and properties: the stack's resource, and what moto has. Nobody else has these.
_MADE_ONCE: dict[str, tuple[Resource, Any]] = {}


class _Silent(Resources):
    def record(self, resource: Resource | None, status: str, reason: str | None = None) -> None:
        """No event; a resource that fails, fails the test."""
        assert not status.endswith("_FAILED"), f"{resource and resource.logical}: {reason}"


def deploy_at_once(cloud: LocalCloud, config: LakeConfig) -> None:
    """Make what the template of this lake.yaml has and the cloud has not, and change what differs. Nothing is deleted.

    The Glue job's files are put where it reads them, as `rds-lake setup` does.
    """
    plan = _plan(config)
    stacks = _MADE.get(cloud)
    if stacks is None:
        stacks = _MADE[cloud] = {}
        cloud.app.reset_callbacks.append(stacks.clear)
    stack = stacks.setdefault(config.lake.events_queue, _empty(plan))
    resources = _Silent(stack, _tools(cloud), None)
    for logical, wanted in plan.resources.items():
        there = stack.resources.get(logical)
        if there is None and (shared := _shared(stacks, logical, resources.properties(wanted, plan))):
            stack.resources[logical] = shared
        elif there is None:
            _make(stack, wanted, plan, resources)
        elif (properties := resources.properties(wanted, plan)) != there.properties:
            resources.change(there, properties, needs=wanted.needs)
    if config.has_glue_job:
        for key, body in job_files(config).items():
            cloud.clients.client("s3").put_object(Bucket=config.lake.bucket, Key=key, Body=body)


def _make(stack: Stack, wanted: Wanted, plan: Plan, resources: Resources) -> None:
    """Make the resource; a role or key that was made before with these properties is put back as it was then.

    They are half of what a lake costs: eight calls, with policies of thousands of letters. What moto keeps of them is plain data.
    """
    if wanted.type not in _KEPT:
        resources.make(wanted, plan)
        return
    here = _KEPT[wanted.type]()
    properties = json.dumps([wanted.logical, resources.properties(wanted, plan)], sort_keys=True)
    if properties in _MADE_ONCE:
        resource, kept = _copied(*_MADE_ONCE[properties])
        assert kept.id not in here, f"{wanted.logical} is there already"
        stack.resources[wanted.logical], here[kept.id] = replace(resource, at=datetime.now(UTC)), kept
        if wanted.type == "AWS::KMS::Key":  # whose tags moto keeps apart
            kms_backends[ACCOUNT][REGION].tag_resource(kept.id, _key_tags(resource))
        return
    before = set(here)
    resource = resources.make(wanted, plan)
    (made,) = (here[id_] for id_ in here if id_ not in before)
    if not getattr(made, "managed_policies", None):  # those are other objects, which count to what they are attached
        _MADE_ONCE[properties] = _copied(resource, made)


def _key_tags(key: Resource) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in key.properties.get("Tags", [])}


def _copied(resource: Resource, kept: Any) -> tuple[Resource, Any]:
    """Copies that share nothing that changes."""
    private_key = getattr(kept, "private_key", None)
    return copy.deepcopy((resource, kept), {id(private_key): private_key})


def _shared(stacks: Mapping[str, Stack], logical: str, properties: Any) -> Resource | None:
    """What another lake has made already: whatever is the same, and bucket and key of one name, with other rules or not."""
    same = (stack.resources[logical] for stack in stacks.values() if logical in stack.resources)
    return next((resource for resource in same if _is_same(resource, properties)), None)


def _is_same(resource: Resource, properties: Mapping[str, Any]) -> bool:
    name = _NAMES.get(resource.type)
    return resource.type == "AWS::KMS::Key" or (
        resource.properties[name] == properties[name] if name else resource.properties == properties
    )


def _plan(config: LakeConfig) -> Plan:
    key = config.model_dump_json()
    if key not in _PLANS:
        body = build_template(config).body
        plan = plan_of(body, _values(body, {"PipelineRunsOn": "account", "Databases": "existing"}), _schema)
        _PLANS[key] = replace(
            plan, resources={name: seen for name, one in plan.resources.items() if (seen := _seen(one))}
        )
    return _PLANS[key]


def _seen(wanted: Wanted) -> Wanted | None:
    """The resource, with what of it a pipeline notices."""
    if wanted.type in _LEFT_OUT or wanted.logical in _POLICIES_LEFT_OUT:
        return None
    if wanted.type != "AWS::S3::Bucket":
        return wanted
    properties = {key: value for key, value in wanted.properties.items() if key not in _PROPERTIES_LEFT_OUT}
    return replace(wanted, properties=properties)


def _values(body: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    defaults = {name: form["Default"] for name, form in body["Parameters"].items()}
    chosen = {name: text for name, text in given.items() if name in defaults}
    return pseudo_values(REGION, _ID, _NAME, ()) | defaults | chosen


@functools.cache
def _schema(type_: str) -> TypeSchema:
    return TypeSchema(type_, REGION)


def _empty(plan: Plan) -> Stack:
    order = Order(
        template="", plan=plan, parameters={}, tags=(), capabilities=(), description=None, role=None, topics=()
    )
    return Stack(
        name=_NAME,
        id=_ID,
        region=REGION,
        order=order,
        created=datetime.now(UTC),
        on_failure="ROLLBACK",
        protected=False,
    )


def _tools(cloud: LocalCloud) -> Tools:
    return Tools(
        book=Book(),
        clients=cloud.clients,
        deployer=Actors(cloud.app, cloud.permissions, cloud.clients).acting(None),
        faults=cloud.faults,
        clock=lambda: datetime.now(UTC),
        suffix=lambda length: "X" * length,
        stopped=threading.Event(),
    )
