"""Runs all examinations in parallel, each after those that it depends on. One without a result does not stop the others.

    findings = examine(examinations, patient, pace, on_finding=print)     # in the order of the examinations

What belongs here: order, threads, time. The examinations are `subjects/`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field

from rds_lake.aws.denied import is_denied, read_denied
from rds_lake.errors import AwsError, RdsLakeError
from rds_lake.infra.doctor.findings import Examination, Finding, Key, Seen, Verdict, undecided
from rds_lake.infra.doctor.patient import Patient
from rds_lake.threads import cancelling_threads

_SLICE = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """`threads`: examinations at the same time; `seconds`: time limit of one; `clock`: seconds that only grow."""

    clock: Callable[[], float]
    threads: int = 12
    seconds: float = 30


def examine(
    examinations: Sequence[Examination],
    patient: Patient,
    pace: Pace,
    *,
    on_finding: Callable[[Finding], None] = lambda _: None,
) -> tuple[Finding, ...]:
    """Returns a finding for each examination. `on_finding` is called with each as soon as it is known, in the caller's thread.

    An examination that takes longer than `pace.seconds` is abandoned; its thread does not keep the process alive.
    """
    work = _Work(examinations=examinations, patient=patient, pace=pace, on_finding=on_finding)
    with cancelling_threads(pace.threads, "doctor", patience=0) as pool:
        work.run(pool)
    return tuple(work.findings[examination.key] for examination in examinations)


@dataclass(slots=True, kw_only=True)
class _Work:
    examinations: Sequence[Examination]
    patient: Patient
    pace: Pace
    on_finding: Callable[[Finding], None]
    findings: dict[Key, Finding] = field(default_factory=dict)
    begun: dict[Key, float] = field(default_factory=dict)
    running: dict[Future[Seen], Examination] = field(default_factory=dict)

    def run(self, pool: Executor) -> None:
        """Run until every examination has a finding."""
        waiting = list(self.examinations)
        wanted = {examination.key for examination in waiting}
        while waiting or self.running:
            waiting = [examination for examination in waiting if not self._begin(examination, wanted, pool)]
            done, _ = wait(self.running, _SLICE, FIRST_COMPLETED)
            for future in done:
                examination = self.running.pop(future)
                self._keep(examination, future.result())
            self._give_up()

    def _begin(self, examination: Examination, wanted: set[Key], pool: Executor) -> bool:
        """Whether the examination was started or skipped: all that it depends on have findings. Unselected ones count as passed."""
        before = [key for key in examination.after if key in wanted]
        if any(key not in self.findings for key in before):
            return False
        failed = [self.findings[key] for key in before if self.findings[key].verdict.blocks]
        if failed:
            first = failed[0]
            name = f"{first.row.id} {first.about}".strip()
            self._keep(examination, Seen(verdict=Verdict.SKIPPED, text=f"{name} comes first", remedy=""))
        else:
            self.running[pool.submit(self._look, examination)] = examination
        return True

    def _look(self, examination: Examination) -> Seen:
        self.begun[examination.key] = self.pace.clock()
        try:
            return examination.look(self.patient)
        except AwsError as error:
            return _refused(error)
        except RdsLakeError as error:
            return undecided(str(error), "look at the cause, then repeat")

    def _give_up(self) -> None:
        """An examination that takes too long is unknown. Its time counts from its start."""
        now = self.pace.clock()
        for future, examination in list(self.running.items()):
            if examination.key in self.begun and now - self.begun[examination.key] > self.pace.seconds:
                del self.running[future]
                self._keep(
                    examination,
                    undecided(f"no answer within {self.pace.seconds:g} s", "repeat, or see why AWS is slow"),
                )

    def _keep(self, examination: Examination, seen: Seen) -> None:
        remedy = "" if seen.verdict is Verdict.PASS else examination.row.remedy if seen.remedy is None else seen.remedy
        finding = Finding(
            row=examination.row,
            about=examination.about,
            verdict=seen.verdict,
            seen=seen.text,
            remedy=remedy,
            missing=seen.missing,
            depends_on=examination.after,
            fix=seen.fix,
        )
        self.findings[examination.key] = finding
        self.on_finding(finding)


def _refused(error: AwsError) -> Seen:
    """The finding for a call that AWS refused, with the missing permission if that is the reason."""
    if not is_denied(error.code):
        return undecided(str(error), "look at the cause, then repeat")
    # SQS and SNS write actions in small letters; what was called is spelled as IAM does.
    called = {name.lower(): name for name in read_denied("", service=error.service, operation=error.operation).actions}
    said = read_denied(str(error), service=error.service, operation=error.operation).actions
    actions = tuple(called.get(name.lower(), name) for name in said)
    return undecided(
        f"AWS does not let these credentials look: {' and '.join(actions)} is missing",
        f"give the user or role that runs the doctor {' and '.join(actions)} (`rds-lake policy --for doctor`), then repeat",
        missing=actions,
    )
