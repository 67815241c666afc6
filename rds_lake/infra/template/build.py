"""The template of a lake: all parts together, within CloudFormation's limits.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.errors import ConfigError
from rds_lake.infra.queue import DEAD_SUFFIX
from rds_lake.infra.template.alarms import alarms, topic
from rds_lake.infra.template.athena import databases, workgroup
from rds_lake.infra.template.backup import backup
from rds_lake.infra.template.job import job
from rds_lake.infra.template.key import key
from rds_lake.infra.template.parameters import general, outputs
from rds_lake.infra.template.parts import Part, joined
from rds_lake.infra.template.queues import queues
from rds_lake.infra.template.roles import roles
from rds_lake.infra.template.storage import storage
from rds_lake.infra.template.streams.capture import capture
from rds_lake.infra.template.streams.forwarder import forwarder

MOST_RESOURCES = 500
_QUEUE_NAME = 80  # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A template in CloudFormation's own form, and sentences about parts that did not fit."""

    body: dict[str, Any]
    notes: tuple[str, ...] = ()


def build_template(config: LakeConfig) -> Template:
    """Returns the template for exactly the sources of lake.yaml. ConfigError if its names cannot be created."""
    if len(config.lake.events_queue) + len(DEAD_SUFFIX) > _QUEUE_NAME:
        raise ConfigError(
            f"events_queue {config.lake.events_queue} is too long: the dead-letter queue has the same name with "
            f"{DEAD_SUFFIX}, and SQS allows {_QUEUE_NAME} characters; shorten it in lake.yaml to {_QUEUE_NAME - len(DEAD_SUFFIX)}"
        )
    parts = (general, storage, key, roles, queues, topic, alarms, workgroup, job, backup, capture, forwarder)
    rest = joined([*(part(config) for part in parts), outputs(config)])
    whole = joined([rest, databases(config, most=MOST_RESOURCES - len(rest.resources))])
    return Template(body=_body(config, whole), notes=whole.notes)


def _body(config: LakeConfig, part: Part) -> dict[str, Any]:
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"rds-lake: the AWS objects of the lake s3://{config.lake.bucket}/{config.lake.prefix}",
        "Parameters": dict(part.parameters),
        "Conditions": dict(part.conditions),
        "Resources": dict(part.resources),
        "Outputs": dict(part.outputs),
    }
