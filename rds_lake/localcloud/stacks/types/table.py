"""The resource types that stacks support here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from rds_lake.localcloud.stacks.types import (
    backups,
    buckets,
    catalogue,
    functions,
    keys,
    policies,
    queues,
    roles,
    rules,
    secrets,
    topics,
    watching,
)
from rds_lake.localcloud.stacks.types.base import ResourceType
from rds_lake.localcloud.stacks.types.warehouses import clusters, networks, serverless

_FILES = (buckets, keys, roles, policies, queues, topics, rules, catalogue, watching, backups, functions, secrets,
          clusters, serverless, networks)  # fmt: skip

TYPES: Mapping[str, ResourceType] = MappingProxyType({type_.name: type_ for file in _FILES for type_ in file.TYPES})
