"""Exports of DynamoDB tables: ExportTableToPointInTime, DescribeExport, ListExports with AWS's refusals.

(https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/S3DataExport.HowItWorks.html)

What belongs here: the API. What is refused is `requests.py`, the life of an export `job.py`.
"""

from __future__ import annotations

import re
import secrets
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from rds_lake.localcloud.dynamodb.job import DynamoDbSettings, Export, ExportJob
from rds_lake.localcloud.dynamodb.recovery import SECOND, Recovery, refusal
from rds_lake.localcloud.dynamodb.requests import (
    FULL,
    NEW_AND_OLD,
    Window,
    check_request,
    fingerprint,
    window_of,
)
from rds_lake.localcloud.dynamodb.tables import TARGET, TableRecord, Tables
from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.faults.kinds import DynamoDbExportFault
from rds_lake.localcloud.http.account import ACCOUNT
from rds_lake.localcloud.http.app import LocalCloudApp, RequestContext
from rds_lake.localcloud.http.clock import Clock
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.permissions.acting import Actors

_QUOTA = 300
# More than may be stuck at once in any test.
_WORKERS = 16
_TOKEN_LIFE = 8 * 3600 * SECOND
_LISTED_FOR = 90 * 86_400 * SECOND
_PAGE = 25
_TABLE_ARN = re.compile(r"arn:aws:dynamodb:([^:]+):([^:]+):table/([^/]+)", re.ASCII)
_EXPORT_ARN = re.compile(r"[^:]+:([^:]+):([^:]+):([^:]+):([^:]+):table/[^/]+(/export/[^/]+)?", re.ASCII)
_LISTED = ("ExportArn", "ExportStatus", "ExportType")
Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class _State:
    """All state that a reset clears."""

    exports: dict[str, Export] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)
    pool: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(_WORKERS, thread_name_prefix="dynamodb")
    )


class DynamoDbExports:
    """Every export since the start or the last reset."""

    def __init__(
        self,
        app: LocalCloudApp,
        clients: InProcessClients,
        clock: Clock,
        tables: Tables,
        faults: Faults,
        settings: DynamoDbSettings,
        actors: Actors,
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clients = clients
        self._clock = clock
        self._tables = tables
        self._recovery = Recovery(app, clock, tables)
        self._faults = faults
        self._actors = actors
        self._settings = settings
        self._sleep = sleep
        self._state = _State()
        self._lock = threading.Lock()
        app.json_operations[TARGET + "ExportTableToPointInTime"] = self._start
        app.json_operations[TARGET + "DescribeExport"] = self._describe
        app.json_operations[TARGET + "ListExports"] = self._list

    def reset(self) -> None:
        """End every running export, and forget all exports."""
        with self._lock:
            ended, self._state = self._state, _State()
        ended.closing.set()
        ended.pool.shutdown(wait=True, cancel_futures=True)

    def close(self) -> None:
        """Reset, and end the threads."""
        self.reset()
        self._state.pool.shutdown(wait=True)

    def _start(self, context: RequestContext, params: Json) -> Json:
        check_request(params)
        with self._lock:
            known = self._same_token(context, params)
            if known is not None:
                return {"ExportDescription": known.shown}
            table = self._table(context, params["TableArn"])
            earliest, now = self._recovery.earliest(table), self._clock.now()
            window = window_of(params, earliest=earliest, now=now)
            if sum(export.running for export in self._state.exports.values()) >= _QUOTA:
                raise refusal(
                    "LimitExceededException", f"Too many concurrent exports: at most {_QUOTA} may be in progress."
                )
            export = self._admitted(table, window, params)
            export.caller = self._actors.caller(context)
            self._state.exports[export.arn] = export
            answer = dict(export.shown)
            job = ExportJob(
                clients=self._clients,
                actors=self._actors,
                clock=self._clock,
                settings=self._settings,
                closing=self._state.closing,
                sleep=self._sleep,
            )
            self._state.pool.submit(self._run, job, export, self._faults.next_dynamodb_export())
        return {"ExportDescription": answer}

    def _same_token(self, context: RequestContext, params: Json) -> Export | None:
        """Returns the export that was started with the request's token. ExportConflictException if it was another request."""
        token, oldest = params.get("ClientToken"), self._clock.now() - _TOKEN_LIFE
        for export in self._state.exports.values():
            if export.table.region != context.region or not token or export.shown["ClientToken"] != token:
                continue
            if export.started < oldest:
                continue
            if export.fingerprint != fingerprint(params):
                raise refusal("ExportConflictException", "Duplicate request detected")
            return export
        return None

    def _table(self, context: RequestContext, arn: str) -> TableRecord:
        match = _TABLE_ARN.fullmatch(arn)
        if match is None:
            raise refusal("ValidationException", f"Invalid TableArn: {arn}")
        if match[2] != ACCOUNT or match[1] != context.region:
            raise refusal("AccessDeniedException", "Access is denied")
        table = self._tables.find(context.region, match[3])
        if table is None:
            raise refusal("TableNotFoundException", f"Table not found: {match[3]}")
        return table

    def _admitted(self, table: TableRecord, window: Window, params: Json) -> Export:
        started = self._clock.stamp()
        kept = ("S3Bucket", "S3BucketOwner", "S3Prefix", "S3SseKmsKeyId", "ExportType")
        shown: Json = {
            "ExportArn": f"{table.arn}/export/{started // 1000:014d}-{secrets.token_hex(4)}",
            "ExportStatus": "IN_PROGRESS",
            "StartTime": started / SECOND,
            "TableArn": table.arn,
            "TableId": table.table_id,
            "ClientToken": params.get("ClientToken") or str(uuid.uuid4()),
            "S3SseAlgorithm": params.get("S3SseAlgorithm", "AES256"),
            "ExportFormat": "DYNAMODB_JSON",
        } | {name: params[name] for name in kept if name in params}
        if window.start is None:
            shown["ExportTime"] = window.end / SECOND
            content: Any = self._tables.items_as_of(table, window.end)
        else:
            wanted = params["IncrementalExportSpecification"]
            times = {"ExportFromTime": window.start / SECOND, "ExportToTime": window.end / SECOND}
            shown["IncrementalExportSpecification"] = {"ExportViewType": NEW_AND_OLD} | wanted | times
            content = self._tables.changes(table, window.start, window.end)
        return Export(
            shown=shown, table=table, window=window, fingerprint=fingerprint(params), started=started, content=content
        )

    def _describe(self, context: RequestContext, params: Json) -> Json:
        match = _EXPORT_ARN.fullmatch(params["ExportArn"])
        if match is None:
            raise refusal("ValidationException", "Invalid Export ARN")
        if match.groups()[:4] != ("aws", "dynamodb", context.region, ACCOUNT):
            raise refusal("AccessDeniedException", "Access is denied")
        if not match[5]:
            raise refusal("ValidationException", "Invalid Export ARN")
        with self._lock:
            export = self._state.exports.get(params["ExportArn"])
            if export is None:
                raise refusal("ExportNotFoundException", f"Export not found: {params['ExportArn']}")
            return {"ExportDescription": dict(export.shown)}

    def _list(self, context: RequestContext, params: Json) -> Json:
        size, after = params.get("MaxResults", _PAGE), params.get("NextToken", "")
        if not 1 <= size <= _PAGE:
            raise refusal("ValidationException", f"MaxResults {size} must be between 1 and {_PAGE}.")
        oldest = self._clock.now() - _LISTED_FOR
        with self._lock:
            exports = [export for export in self._state.exports.values() if export.started >= oldest]
            summaries = sorted(
                (
                    {"ExportType": FULL} | {name: export.shown[name] for name in _LISTED if name in export.shown}
                    for export in exports
                    if export.table.region == context.region
                    and params.get("TableArn", export.table.arn) == export.table.arn
                    and export.arn > after
                ),
                key=lambda summary: summary["ExportArn"],
            )
        page = {"ExportSummaries": summaries[:size]}
        return page | ({"NextToken": summaries[size - 1]["ExportArn"]} if len(summaries) > size else {})

    def _run(self, job: ExportJob, export: Export, fault: DynamoDbExportFault) -> None:
        """Run an export to its end, in a thread of the pool."""
        outcome = job.outcome(export, fault)
        with self._lock:
            export.shown |= {"EndTime": self._clock.stamp() / SECOND} | outcome
            export.content = []
