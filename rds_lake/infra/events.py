"""The EventBridge rules of a lake: their names, and the patterns of the events that reach the events queue.

Nothing here calls AWS: the template has the rules.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.model.dynamodb.glue_run import ENDED
from rds_lake.model.dynamodb.tables import MANIFESTS
from rds_lake.model.events.ids import DETAIL_TYPES, EVENT_IDS

# EventBridge's limit of a rule's name.
_NAME_LENGTH = 64
# And that of a pattern, with some room: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
_PATTERN_LENGTH = 2000
# An earlier release gave every lake the names of this queue's rules.
_FIRST_QUEUE = "rds-lake-events"


def rule_name(queue: str, what: str = "") -> str:
    """Returns the name of a queue's rule, or of its rule for `what`: lakes with different queues have different rules.

    `a` with `what="backup"` is `a.backup`, and never the rule of a queue `a-backup`: a queue's name has no dot. A rule's
    name has at most 64 characters (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html); a longer
    one is shortened and ends with a digest of the complete name.
    """
    name = queue
    if what:
        name = f"rds-lake-{what}-events" if queue == _FIRST_QUEUE else f"{queue}.{what}"
    if len(name) <= _NAME_LENGTH:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: _NAME_LENGTH - 13]}-{digest}"


def event_patterns(
    queue: str, *, exports_bucket: str | None = None, glue_job: str | None = None, inputs: Sequence[str] = ()
) -> dict[str, dict[str, Any]]:
    """Returns rule name -> pattern: exactly the events that the sensor understands.

    Events of RDS are matched by EventID, never by their text, which differs from the documented one. Older envelopes of
    clusters have no EventID; they match the pattern, and the parser reads their text
    (https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_Events.Messages.html).

    `exports_bucket`: the bucket of DynamoDB's exports. DynamoDB sends no event, so the manifest that it writes last is the only
    sign of an export's end. `glue_job`: the job whose ended runs are sent to the queue. `inputs`: the folders
    (`s3://bucket/prefix/`) whose JSON files request runs of a warehouse.
    """
    known: dict[str, Any] = {"detail": {"EventID": list(EVENT_IDS)}}
    unnamed: dict[str, Any] = {"detail": {"EventID": [{"exists": False}]}}
    patterns: dict[str, dict[str, Any]] = {
        rule_name(queue): {"source": ["aws.rds"], "detail-type": list(DETAIL_TYPES), "$or": [known, unnamed]},
        rule_name(queue, "backup"): {
            "source": ["aws.backup"],
            "detail-type": ["Backup Job State Change"],
            "detail": {"state": ["COMPLETED", "FAILED", "ABORTED", "EXPIRED", "PARTIAL"]},
        },
    }
    if exports_bucket:
        patterns[rule_name(queue, "manifest")] = _manifests_in(exports_bucket)
    if glue_job:
        patterns[rule_name(queue, "conversion")] = _ends_of(glue_job)
    if inputs:
        patterns[rule_name(queue, "input")] = _jsons_in(inputs)
    return patterns


def input_folders(config: LakeConfig) -> tuple[str, ...]:
    """Returns the folders of the JSON files of warehouses."""
    return tuple(dict.fromkeys(each.input for each in config.warehouses if each.input))


def _jsons_in(folders: Sequence[str]) -> dict[str, Any]:
    """Returns the pattern for new JSON files in the folders; if they are too many for a rule, in their buckets."""
    keys: dict[str, list[dict[str, str]]] = {}
    for folder in folders:
        bucket, _, prefix = folder.removeprefix("s3://").partition("/")
        escaped = prefix.replace("\\", "\\\\").replace("*", "\\*")
        keys.setdefault(bucket, []).append({"wildcard": f"{escaped}*.json"})
    whole = _objects(list(keys.items()))
    if len(json.dumps(whole)) <= _PATTERN_LENGTH:
        return whole
    return _objects([(bucket, [{"suffix": ".json"}]) for bucket in keys])


def _objects(keys: Sequence[tuple[str, list[dict[str, str]]]]) -> dict[str, Any]:
    each = [{"detail": {"bucket": {"name": [bucket]}, "object": {"key": some}}} for bucket, some in keys]
    where: dict[str, Any] = each[0] if len(each) == 1 else {"$or": each}
    return {"source": ["aws.s3"], "detail-type": ["Object Created"]} | where


def _ends_of(job: str) -> dict[str, Any]:
    return {
        "source": ["aws.glue"],
        "detail-type": ["Glue Job State Change"],
        "detail": {"jobName": [job], "state": list(ENDED)},
    }


def _manifests_in(bucket: str) -> dict[str, Any]:
    names: list[dict[str, str]] = [{"suffix": f"/{name}"} for name in MANIFESTS]
    return {
        "source": ["aws.s3"],
        "detail-type": ["Object Created"],
        "detail": {"bucket": {"name": [bucket]}, "object": {"key": names}},
    }
