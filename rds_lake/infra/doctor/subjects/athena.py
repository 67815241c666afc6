"""Athena's workgroup: whether it runs the pipeline's queries, the engine, the location of results, and the limit of bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.doctor.findings import Examination, Row, Seen, bad, doubtful, good
from rds_lake.infra.doctor.patient import Patient
from rds_lake.infra.doctor.subjects.credentials import ACCOUNT
from rds_lake.model.lake.layout import LakeLayout

EXISTS = Row(
    id="workgroup.exists",
    looks_at="The workgroup of Athena that lake.yaml names is there.",
    remedy="run `rds-lake setup`, which creates it, or correct `workgroup` in lake.yaml",
)
ENABLED = Row(
    id="workgroup.enabled",
    looks_at="The workgroup is enabled: a disabled one runs no query.",
    remedy="enable the workgroup in Athena",
)
ENGINE = Row(
    id="workgroup.engine",
    looks_at="The workgroup's engine is Athena engine version 3, whose SQL the views are written in.",
    remedy="choose Athena engine version 3, or AUTO, in the workgroup",
)
OUTPUT = Row(
    id="workgroup.output",
    looks_at="Query results go where the pipeline may write: a workgroup that enforces its settings must put them into the lake.",
    remedy="set the workgroup's location of results to the lake's, or let queries choose theirs (do not enforce its settings)",
)
LIMIT = Row(
    id="workgroup.limit",
    looks_at="The workgroup's limit of bytes per query, if it has one, is high enough for the pipeline's checks.",
    remedy="raise the workgroup's data limit per query to the size of your largest table or more, or set `check_casts: false`",
)
ROWS = (EXISTS, ENABLED, ENGINE, OUTPUT, LIMIT)
_ENGINE = "Athena engine version 3"
_AUTO = "AUTO"
_LITTLE_BYTES = 1 << 30
# Athena says that a workgroup is not there in two ways: an error, and an answer without one.
_MISSING = ("InvalidRequestException",)


def examinations(config: LakeConfig) -> Iterator[Examination]:
    """Returns the examinations of the workgroup; empty if no source is queried."""
    if not any(source.athena for source in config.sources):
        return
    name = config.lake.workgroup
    exists = ((EXISTS.id, name),)
    yield Examination(row=EXISTS, about=name, look=_exists, after=((ACCOUNT.id, ""),))
    for row, look in ((ENABLED, _enabled), (ENGINE, _engine), (OUTPUT, _output), (LIMIT, _limit)):
        yield Examination(row=row, about=name, look=look, after=exists)


def _workgroup(patient: Patient) -> Any:
    name = patient.lake.workgroup
    arn = patient.names().arn("athena", f"workgroup/{name}")
    answer = patient.ask("athena", "get_work_group", about=arn, missing=_MISSING, WorkGroup=name)
    return (answer or {}).get("WorkGroup")


def _settings(patient: Patient) -> Any:
    return _workgroup(patient).get("Configuration") or {}


def _exists(patient: Patient) -> Seen:
    return (
        good("it is there") if _workgroup(patient) else bad("the workgroup does not exist in this account and Region")
    )


def _enabled(patient: Patient) -> Seen:
    state = _workgroup(patient).get("State", "ENABLED")
    return good(state) if state == "ENABLED" else bad(f"its state is {state}")


def _engine(patient: Patient) -> Seen:
    engine = _settings(patient).get("EngineVersion") or {}
    chosen, runs = engine.get("SelectedEngineVersion", _AUTO), engine.get("EffectiveEngineVersion", "")
    if chosen == _ENGINE or (chosen == _AUTO and runs in ("", _ENGINE)):
        return good(runs or chosen)
    return bad(f"its engine is {runs or chosen}")


def _output(patient: Patient) -> Seen:
    settings, lake = _settings(patient), patient.lake
    own = LakeLayout(bucket=lake.bucket, prefix=lake.prefix).uri("")
    place = (settings.get("ResultConfiguration") or {}).get("OutputLocation", "")
    if not settings.get("EnforceWorkGroupConfiguration"):
        return good("queries choose theirs, in the lake")
    if place.startswith(own):
        return good(place)
    return bad(f"it enforces {place or 'no location'}, which is not in the lake ({own})")


def _limit(patient: Patient) -> Seen:
    limit = _settings(patient).get("BytesScannedCutoffPerQuery")
    if not limit:
        return good("no limit")
    text = f"{limit / (1 << 30):,.2f} GiB for one query"
    return doubtful(f"{text}: checks of larger tables will be cancelled") if limit < _LITTLE_BYTES else good(text)
