"""Forwarding as a Lambda function on a schedule: handler `rds_lake.stages.streams.scheduled.handler`, time-out 15 minutes.

    {"source": "shop"}        the event: one source; without it all sources with `streams.secret`

A function that is stopped during a cut loses nothing (`forward.py`). Two at once do no harm: the second reports the first.
https://docs.aws.amazon.com/lambda/latest/dg/python-handler.html
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.secrets import SecretsGateway
from rds_lake.aws.session import open_clients
from rds_lake.config.lake_yaml import CONFIG_FILE, LakeConfig, load_config
from rds_lake.stages.lake.lake import open_lake
from rds_lake.stages.streams.forward_each import forward_each
from rds_lake.stages.streams.outboxes import dsn_of, forwarded_sources, forwardings, outbox_source


def handler(event: Mapping[str, Any], context: object) -> list[str]:  # noqa: ARG001 - Lambda gives both
    """Lambda's entry point: reads RDS_LAKE_CONFIG, the path of lake.yaml in the package; returns what was forwarded, as sentences."""
    config = load_config(Path(os.environ.get("RDS_LAKE_CONFIG", CONFIG_FILE)))
    return forward_event(config, event, open_clients(region=config.lake.region))


def forward_event(config: LakeConfig, event: Mapping[str, Any], clients: AwsClients) -> list[str]:
    """Forwards the event's source, or all. All outboxes are tried before an error is raised; a busy one is no error."""
    named = event.get("source")
    sources = [outbox_source(config, str(named))] if named else forwarded_sources(config)
    lake, lines = open_lake(clients, config.lake), list[str]()
    works = [
        work
        for source in sources
        for work in forwardings(
            lake,
            source,
            dsn_of(source, lambda: SecretsGateway(clients.client("secretsmanager"))),
            clock=lambda: datetime.now(UTC),
            new_attempt=lambda: uuid4().hex[:12],
            log=lambda _: None,
        )
    ]
    forward_each(works, say=lines.append)
    return lines
