"""The kinds of faults, as in the body of `POST /_local/faults` (docs/fidelity.md)."""

from __future__ import annotations

from fnmatch import fnmatchcase
from random import Random
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from rds_lake.localcloud.events.envelopes import EVENT_NAMES
from rds_lake.localcloud.faults.operations import default_code, problem_with

Json = dict[str, Any]


class Sentence(ValueError):
    """A problem as a whole sentence. The text of every other ValueError follows the field and its value: `is no …`."""


def _only_true(value: object) -> bool:
    if value is not True:
        raise ValueError("is not true")
    return True


def _known_event(name: str) -> str:
    if name not in EVENT_NAMES:
        raise ValueError(f"is not an event that the local cloud sends; it sends {', '.join(EVENT_NAMES)}")
    return name


Words = Annotated[str, Field(min_length=1)]
Switch = Annotated[bool, BeforeValidator(_only_true)]


class _Fault(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    def shown(self) -> Json:
        """Returns the fault in the form of the request."""
        return self.model_dump(exclude_unset=True)

    def _exactly_one_of(self, *names: str) -> None:
        given = sorted(self.model_fields_set)
        if len(self.model_fields_set.intersection(names)) != 1:
            raise Sentence(f"{given} is not exactly one of {', '.join(names)}")


class ExportFault(_Fault):
    """How one export task fails: exactly one of these. `fail`: its FailureCause; tables: `db.schema.table`."""

    fail: Words = ""
    skip_tables: Annotated[list[Words], Field(min_length=1)] = []
    stuck: Switch = False
    cancel: Switch = False

    @model_validator(mode="after")
    def _check(self) -> ExportFault:
        self._exactly_one_of("fail", "skip_tables", "stuck", "cancel")
        return self


class DynamoDbExportFault(_Fault):
    """How one export of a DynamoDB table fails or is damaged: exactly one of these; `fail` may have a FailureCode (`code`).

    The missing or damaged file is the one with the most items; such an export still ends as COMPLETED.
    """

    fail: Words = ""
    code: Words = "UNKNOWN"
    stuck: Switch = False
    missing_file: Switch = False
    damaged_file: Switch = False

    @model_validator(mode="after")
    def _check(self) -> DynamoDbExportFault:
        self._exactly_one_of("fail", "stuck", "missing_file", "damaged_file")
        if "code" in self.model_fields_set and not self.fail:
            raise Sentence("code belongs to fail")
        return self


class JobFault(_Fault):
    """How one run of a Glue job ends without having done anything: in the state `end`, or never (`stuck`)."""

    end: Literal["FAILED", "TIMEOUT", "STOPPED", "ERROR"] | None = None
    message: str = ""
    stuck: Switch = False

    @model_validator(mode="after")
    def _check(self) -> JobFault:
        self._exactly_one_of("end", "stuck")
        if not self.stuck and self.end is None:
            raise Sentence("end is null; name the state")
        if self.stuck and "message" in self.model_fields_set:
            raise Sentence("message belongs to end")
        return self


class StackFault(_Fault):
    """A fault of one resource of a CloudFormation stack: it fails with a reason, is delayed, or both.

    `resource`: its logical id. `stack` and `action` (create, update or delete) limit the fault.
    """

    resource: Words
    stack: Words | None = None
    action: Literal["create", "update", "delete"] | None = None
    fail: Words = ""
    delay_seconds: Annotated[float, Field(gt=0, lt=1e6)] = 0

    @model_validator(mode="after")
    def _check(self) -> StackFault:
        if not self.model_fields_set & {"fail", "delay_seconds"}:
            raise Sentence("give fail, delay_seconds or both")
        return self


class EventFault(_Fault):
    """A fault of one event. `match`: its EventID, the state of a Backup job, or the detail-type of a Glue job's."""

    action: Literal["drop", "double", "delay"]
    seconds: Annotated[float, Field(gt=0, lt=1e6)] | None = Field(default=None, validate_default=True)
    match: Annotated[str, AfterValidator(_known_event)] | None = None

    @field_validator("seconds")
    @classmethod
    def _check_seconds(cls, seconds: float | None, info: ValidationInfo) -> float | None:
        action = info.data.get("action")
        if action == "delay" and seconds is None:
            raise Sentence("a delay needs seconds above 0")
        if action in ("drop", "double") and seconds is not None:
            raise Sentence(f"seconds belong to a delay, not to {action}")
        return seconds


class Throttle(_Fault):
    """The next `calls` calls of an operation are refused; without a `code` by AWS's usual one."""

    service: str
    operation: str
    calls: Annotated[int, Field(gt=0, lt=10**6)]
    code: Annotated[str, Field(pattern=r"^[0-9A-Za-z]+$")] | None = None

    @model_validator(mode="after")
    def _complete(self) -> Throttle:
        self.code = self.code or default_code(self.service, self.operation)
        return self

    @field_validator("operation")
    @classmethod
    def _check_operation(cls, operation: str, info: ValidationInfo) -> str:
        if "service" in info.data and (problem := problem_with(info.data["service"], operation)):
            raise Sentence(problem)
        return operation


class Denial(_Fault):
    """An action is denied to every caller, as if no policy allowed it. `resource`: a pattern; without `times` until a reset."""

    action: Annotated[str, Field(pattern=r"^[a-z0-9-]+:[0-9A-Za-z*?]+$")]
    resource: Words = "*"
    times: Annotated[int, Field(gt=0, lt=10**6)] | None = None

    def strikes(self, action: str, resource: str) -> bool:
        """Whether it applies to this action (ignoring case) on this resource."""
        return fnmatchcase(action.lower(), self.action.lower()) and fnmatchcase(resource, self.resource)


Percent = Annotated[int, Field(gt=0, le=100)]


class _Chance(_Fault):
    """A fault that hits some of many calls: of the next `times`, or of all until a reset. The same `seed` hits the same calls."""

    times: Annotated[int, Field(gt=0, lt=10**9)] | None = None
    seed: int = 0
    _random: Random | None = PrivateAttr(default=None)

    def strikes(self, percent: int = 100) -> bool:
        """Whether it hits the current call."""
        self._random = self._random or Random(self.seed)  # noqa: S311 - which events are struck is no secret
        return self._random.random() * 100 < percent

    def spend(self) -> bool:
        """Count the current call; returns whether it was the last one."""
        if self.times is not None:
            self.times -= 1
        return self.times == 0


class LambdaFault(_Chance):
    """A fault of a function's invocations: exactly one of these. `function`: its name; without: all functions.

    Events (asynchronous invocations) are lost, repeated, or held and delivered in another order (`shuffle`: this many at
    once). `throttle` and `fail` (the error's text) hit attempts of both kinds, as if the function had no capacity left or
    raised. `unreachable` (the error's text) hits only calls from a database.
    """

    function: Words | None = None
    lose_percent: Percent | None = None
    repeat_percent: Percent | None = None
    shuffle: Annotated[int, Field(gt=1, le=1000)] | None = None
    throttle: Switch = False
    fail: Words = ""
    unreachable: Words = ""

    @model_validator(mode="after")
    def _check(self) -> LambdaFault:
        self._exactly_one_of("lose_percent", "repeat_percent", "shuffle", "throttle", "fail", "unreachable")
        return self


class FirehoseFault(_Chance):
    """A fault of a stream's records: exactly one of these. `stream`: its name; without: all streams.

    Records are refused (FailedPutCount of PutRecordBatch, ServiceUnavailableException of PutRecord), or delivered twice.
    """

    stream: Words | None = None
    refuse_percent: Percent | None = None
    repeat_percent: Percent | None = None

    @model_validator(mode="after")
    def _check(self) -> FirehoseFault:
        self._exactly_one_of("refuse_percent", "repeat_percent")
        return self


class RedshiftFault(_Chance):
    """A fault of a statement of the Data API: exactly one of these. `name`: prefix of its StatementName; without: any.

    It fails with a text, begins later, or is refused with ActiveStatementsExceededException (`exceed`).
    """

    name: Words | None = None
    fail: Words = ""
    delay_seconds: Annotated[float, Field(gt=0, lt=1e6)] = 0
    exceed: Switch = False

    @model_validator(mode="after")
    def _check(self) -> RedshiftFault:
        self._exactly_one_of("fail", "delay_seconds", "exceed")
        return self


class FaultLists(BaseModel):
    """Faults in the order in which they are used."""

    model_config = ConfigDict(extra="forbid", strict=True)

    exports: list[ExportFault] = []
    events: list[EventFault] = []
    throttle: list[Throttle] = []
    dynamodb_exports: list[DynamoDbExportFault] = []
    glue_jobs: list[JobFault] = []
    deny: list[Denial] = []
    stacks: list[StackFault] = []
    lambdas: list[LambdaFault] = []
    firehose: list[FirehoseFault] = []
    redshift: list[RedshiftFault] = []
