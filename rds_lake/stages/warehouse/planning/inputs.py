"""JSON files that request runs: reported by an event, or found by listing `input:`.

Each starts a run, or gets a file with its errors beside it.

    s3://acme-drop/jobs/november.json               from a user; bucket, key and ETag give the id of its run
    s3://acme-drop/jobs/november.json.errors.json   its errors, written by rds-lake; `problems` is empty once it is corrected

All state is in S3: a repeated pass finds the record or the errors of the one before, and starts nothing twice. An invalid JSON
never stops a valid one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rds_lake.aws.s3.objects import S3Object, uri
from rds_lake.config.warehouse import LoadOfFiles, WarehouseSettings
from rds_lake.errors import InputError, ManifestError, RdsLakeError
from rds_lake.model.warehouse.input import MOST_BYTES, WarehouseInput, parse_input
from rds_lake.stages.lake.shared_state import change_text
from rds_lake.stages.runs.attempt import Failed, attempt
from rds_lake.stages.warehouse.planning.loads import is_at
from rds_lake.stages.warehouse.planning.plan import Asked, Planner, plan_run
from rds_lake.stages.warehouse.records import begin_run, run_key

ERRORS = ".errors.json"
_ENDING = ".json"
_AUTHOR = "rds-lake"
# The maximum of listed objects in one pass; the next pass continues after them.
MOST_LISTED = 20_000
_PAGE = 1000  # objects that one call of S3 lists


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrived:
    """The result for one JSON: a started run, problems written to a file beside it, or `failed` (it is read again later)."""

    uri: str
    run: str | None = None
    problems: tuple[str, ...] = ()
    failed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """JSON files that were not processed yet. `after`: the key after which the next listing begins; None at the end."""

    inputs: tuple[S3Object, ...]
    after: str | None = None


def run_of_input(bucket: str, key: str, etag: str) -> str:
    """Returns the id of the run for exactly this object."""
    return f"input-{hashlib.sha256(json.dumps([bucket, key, etag.strip(chr(34))]).encode()).hexdigest()[:16]}"


def asks(settings: WarehouseSettings, bucket: str, key: str) -> bool:
    """Whether an object with this name requests a run of the warehouse. JSON files that lake.yaml loads as data do not."""
    place = uri(bucket, key)
    if settings.input is None or not place.startswith(settings.input):
        return False
    if not key.endswith(_ENDING) or key.endswith(ERRORS):
        return False
    data = [each for load in settings.loads if isinstance(load, LoadOfFiles) for each in load.files]
    return not any(is_at(place, each) for each in data)


def list_inputs(
    planner: Planner,
    *,
    since: datetime | None = None,
    after: str | None = None,
    is_late: Callable[[], bool] = lambda: False,
) -> Listed:
    """Returns JSON files without a newer file of errors; with `since`, only those written later. `is_late` ends the listing."""
    assert planner.settings.input is not None
    bucket, prefix = _place(planner.settings.input)
    json_files: list[S3Object] = []
    reported: dict[str, datetime] = {}
    last: str | None = None
    for number, item in enumerate(planner.lake.s3.list_objects(bucket, prefix, after=after or "")):
        if number >= MOST_LISTED or (number and not number % _PAGE and is_late()):
            break
        last = item.key
        if item.key.endswith(ERRORS) and item.modified is not None:
            reported[item.key.removesuffix(ERRORS)] = item.modified
        elif asks(planner.settings, bucket, item.key):
            json_files.append(item)
    else:
        last = None
    inputs = [item for item in json_files if _is_new(item, reported.get(item.key), since)]
    return Listed(inputs=tuple(inputs), after=last)


def take_inputs(planner: Planner, inputs: tuple[S3Object, ...]) -> Iterator[tuple[str, Arrived | None]]:
    """Starts the run of each JSON, or writes its errors. Yields its key, and None if it already has a run."""
    assert planner.settings.input is not None
    bucket, _ = _place(planner.settings.input)
    for item in inputs:
        taken = attempt(lambda item=item: take_input(planner, bucket, item.key, item.etag))
        failed = isinstance(taken, Failed)
        yield item.key, Arrived(uri=uri(bucket, item.key), failed=taken.why) if failed else taken


def take_input(planner: Planner, bucket: str, key: str, etag: str | None = None) -> Arrived | None:
    """Starts the run of the current JSON, or writes its errors. Returns None if it has a run or no longer exists.

    `etag`: the known version; one that has a run is then not read again.
    """
    if etag is not None and _has_run(planner, run_of_input(bucket, key, etag)):
        return None
    place = uri(bucket, key)
    try:
        version = planner.lake.s3.find_version(bucket, key, most=MOST_BYTES)
    except ManifestError as error:
        return _broken(planner, bucket, key, etag or "", [f"$: {error}"])
    if version is None:
        return None
    text, etag = version
    run = run_of_input(bucket, key, etag)
    if _has_run(planner, run):
        return None
    try:
        body = parse_input(text)
        plan = plan_run(planner, Asked(run=run, cause=place, body=body, place=place))
    except InputError as error:
        problems = list(dict.fromkeys([*error.problems, *_further(planner, run, place, error.rest)]))
        return _broken(planner, bucket, key, etag, problems)
    begin_run(planner.lake, plan, cause=place, now=planner.clock())
    _clear(planner, bucket, key, etag, run)
    return Arrived(uri=place, run=run)


def _further(planner: Planner, run: str, place: str, rest: object) -> Sequence[str]:
    """Returns problems that lake.yaml and S3 show in the readable part of a broken JSON, so that all are reported at once."""
    if not isinstance(rest, WarehouseInput):
        return ()
    try:
        plan_run(planner, Asked(run=run, cause=place, body=rest, place=place))
    except InputError as error:
        return error.problems
    return ()


def _is_new(item: S3Object, reported: datetime | None, since: datetime | None) -> bool:
    if item.modified is None:
        return True
    # S3 gives times in seconds: a file that was corrected in the second of its errors also counts as new.
    return (reported is None or reported <= item.modified) and (since is None or item.modified >= since)


def _has_run(planner: Planner, run: str) -> bool:
    key = run_key(planner.lake, planner.settings.name, run)
    return planner.lake.s3.find_head(planner.lake.layout.bucket, key) is not None


def _broken(planner: Planner, bucket: str, key: str, etag: str, problems: list[str] | tuple[str, ...]) -> Arrived:
    body = {"problems": list(problems), "next": "correct them, and upload the JSON again; nothing was started"}
    _tell(planner, bucket, key, etag, body, always=True)
    return Arrived(uri=uri(bucket, key), problems=tuple(problems))


def _clear(planner: Planner, bucket: str, key: str, etag: str, run: str) -> None:
    """Marks the problems in an existing file of errors as corrected."""
    _tell(planner, bucket, key, etag, {"problems": [], "run": run}, always=False)


def _tell(planner: Planner, bucket: str, key: str, etag: str, body: dict[str, Any], *, always: bool) -> None:
    target = f"{key}{ERRORS}"
    text = json.dumps(
        {"written_by": _AUTHOR, "input": uri(bucket, key), "etag": etag, "at": planner.clock().isoformat()} | body,
        indent=1,
    )

    def change(there: str | None) -> str | None:
        if there is None:
            return text if always else None
        before = _of_mine(there)
        if before is not None and (before.get("etag"), before.get("problems")) == (etag, body["problems"]):
            return None
        if before is None:
            raise RdsLakeError(
                f"{uri(bucket, target)} was not written by rds-lake, so no errors were written there; rename that object. The errors "
                f"of {uri(bucket, key)}: {'; '.join(body['problems'][:5])}"
            )
        return text

    own = bucket == planner.lake.layout.bucket
    change_text(planner.lake.s3, bucket, target, change, kms_key=planner.lake.kms_key if own else None)


def _of_mine(text: str) -> dict[str, Any] | None:
    """Returns the errors in the text; None if rds-lake did not write it."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return body if isinstance(body, dict) and body.get("written_by") == _AUTHOR else None


def _place(place: str) -> tuple[str, str]:
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    return bucket, prefix
