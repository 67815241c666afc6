"""Bodies of `POST /_local/faults`, as faults; a bad one is refused with everything that is wrong with it.

What belongs here: reading and refusing. What faults do is `faults.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rds_lake.localcloud.faults.faults import (
    DynamoDbExportFault,
    EventFault,
    ExportFault,
    FaultLists,
    JobFault,
    Throttle,
)
from rds_lake.localcloud.faults.throttling import default_code, problem_with
from rds_lake.localcloud.http.app import ApiError
from rds_lake.localcloud.rds.events import EVENT_NAMES

_EXPORTS = ("fail", "skip_tables", "stuck", "cancel")
_DYNAMODB_EXPORTS = ("fail", "stuck", "missing_file", "damaged_file")
_JOB_ENDS = ("FAILED", "TIMEOUT", "STOPPED", "ERROR")
_ACTIONS = ("drop", "double", "delay")
Json = dict[str, Any]
# Where an item is, the item, and where to say what is wrong with it.
_Reader = Callable[[Json], Any]


class _BadItemError(ValueError):
    """One item of a body, in words."""


def read_faults(body: Json) -> FaultLists:
    """The faults a body asks for; ApiError 400 naming every problem."""
    readers: dict[str, _Reader] = {
        "exports": _export,
        "events": _event,
        "throttle": _throttle,
        "dynamodb_exports": _dynamodb_export,
        "glue_jobs": _job,
    }
    problems = [f"{key!r} is none of {', '.join(readers)}" for key in body if key not in readers]
    found: dict[str, list[Any]] = {key: [] for key in readers}
    for key, reader in readers.items():
        items = body.get(key, [])
        if not isinstance(items, list):
            problems.append(f"{key} is no list")
            continue
        for number, item in enumerate(items):
            try:
                found[key].append(_read(item, reader))
            except _BadItemError as error:
                problems.append(f"{key}[{number}]: {error}")
    if not problems and not any(found.values()):
        problems.append(f"the body asks for no fault; give {', '.join(readers)}")
    if problems:
        raise ApiError("InvalidParameterValue", "; ".join(problems))
    return FaultLists(**found)


def _read(item: object, reader: _Reader) -> Any:
    if not isinstance(item, dict):
        raise _BadItemError(f"{item!r} is no object")
    return reader(item)


def _export(item: Json) -> ExportFault:
    if len(item) != 1 or next(iter(item)) not in _EXPORTS:
        raise _BadItemError(f"{sorted(item)} is not exactly one of {', '.join(_EXPORTS)}")
    ((key, value),) = item.items()
    if key == "fail" and (not isinstance(value, str) or not value):
        raise _BadItemError(f"fail {value!r} is no cause in words")
    if key == "skip_tables":
        if not isinstance(value, list) or not value or not all(isinstance(name, str) and name for name in value):
            raise _BadItemError(f"skip_tables {value!r} is no list of db.schema.table")
        return ExportFault(skip_tables=tuple(value))
    if key in ("stuck", "cancel") and value is not True:
        raise _BadItemError(f"{key} {value!r} is not true")
    arguments: Json = {key: value}
    return ExportFault(**arguments)


def _dynamodb_export(item: Json) -> DynamoDbExportFault:
    kinds = [key for key in item if key in _DYNAMODB_EXPORTS]
    problems = _unknown(item, (*_DYNAMODB_EXPORTS, "code"))
    if len(kinds) != 1:
        problems.append(f"{sorted(item)} is not exactly one of {', '.join(_DYNAMODB_EXPORTS)}")
    if "fail" not in item:
        problems += ["code belongs to fail"] if "code" in item else []
        problems += [f"{key} {item[key]!r} is not true" for key in kinds if item[key] is not True]
        _refuse(problems)
        arguments: Json = {kinds[0]: True}
        return DynamoDbExportFault(**arguments)
    words = {"fail": item["fail"], "code": item.get("code", "UNKNOWN")}
    problems += [
        f"{key} {value!r} is no text" for key, value in words.items() if not isinstance(value, str) or not value
    ]
    _refuse(problems)
    return DynamoDbExportFault(code=words["code"], message=words["fail"])


def _job(item: Json) -> JobFault:
    if item == {"stuck": True}:
        return JobFault(stuck=True)
    problems = _unknown(item, ("end", "message"))
    state, message = item.get("end"), item.get("message", "")
    if state not in _JOB_ENDS:
        problems.append(f"end {state!r} is none of {', '.join(_JOB_ENDS)}")
    if not isinstance(message, str):
        problems.append(f"message {message!r} is no text")
    _refuse(problems)
    return JobFault(state=state, message=message)


def _event(item: Json) -> EventFault:
    problems = _unknown(item, ("action", "seconds", "match"))
    action, seconds, match = item.get("action"), item.get("seconds"), item.get("match")
    if action not in _ACTIONS:
        problems.append(f"action {action!r} is none of {', '.join(_ACTIONS)}")
    elif action == "delay" and not _is_positive(seconds, (int, float)):
        problems.append(f"a delay needs seconds above 0, not {seconds!r}")
    elif action != "delay" and seconds is not None:
        problems.append(f"seconds belong to a delay, not to {action}")
    if match is not None and match not in EVENT_NAMES:
        problems.append(f"match {match!r} is no event the local cloud sends; it sends {', '.join(EVENT_NAMES)}")
    _refuse(problems)
    return EventFault(action=str(action), seconds=float(seconds or 0), match=match)


def _throttle(item: Json) -> Throttle:
    problems = _unknown(item, ("service", "operation", "calls", "code"))
    service, operation, calls = item.get("service"), item.get("operation"), item.get("calls")
    wrong = problem_with(service, operation)
    if wrong:
        problems.append(wrong)
    if not _is_positive(calls, int):
        problems.append(f"calls {calls!r} is no number above 0")
    code = item.get("code")
    if code is not None and (not isinstance(code, str) or not code.isalnum()):
        problems.append(f"code {code!r} is no error code")
    _refuse(problems)
    return Throttle(
        service=str(service),
        operation=str(operation),
        calls=int(str(calls)),
        code=code or default_code(str(service), str(operation)),
    )


def _unknown(item: Json, keys: tuple[str, ...]) -> list[str]:
    return [f"{key!r} is none of {', '.join(keys)}" for key in item if key not in keys]


def _is_positive(value: Any, types: Any) -> bool:
    return isinstance(value, types) and not isinstance(value, bool) and 0 < value < 1e6


def _refuse(problems: list[str]) -> None:
    if problems:
        raise _BadItemError(", ".join(problems))
