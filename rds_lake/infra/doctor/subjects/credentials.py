"""Whether AWS answers for the account and Region of lake.yaml, and whether this machine's clock is right."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.errors import ConfigError, RdsLakeError, UnavailableError
from rds_lake.infra.account import require_own
from rds_lake.infra.doctor.findings import Examination, Row, Seen, bad, doubtful, good, undecided
from rds_lake.infra.doctor.patient import Patient

VALID = Row(
    id="credentials.valid",
    looks_at="AWS accepts the credentials and says whose they are. If it does not, nothing else is checked.",
    remedy="configure credentials as boto3 finds them (AWS_PROFILE, `aws sso login`, a role), and a Region",
)
ACCOUNT = Row(
    id="credentials.account",
    looks_at="The ARNs of lake.yaml are of the account, Region and partition of the credentials.",
    remedy="use the credentials of the lake's account, or correct the ARNs of lake.yaml",
)
CLOCK = Row(
    id="credentials.clock",
    looks_at="This machine's clock and AWS's differ by less than a minute: AWS refuses requests with a wrong time.",
    remedy="set this machine's clock (NTP)",
)
ROWS = (VALID, ACCOUNT, CLOCK)
# Requests that are five minutes off are refused: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
_WARN_SECONDS, _FAIL_SECONDS = 60, 270


def examinations(config: LakeConfig) -> Iterator[Examination]:  # noqa: ARG001 - as every subject
    """Returns these examinations; all others depend on the first."""
    yield Examination(row=VALID, look=_valid)
    yield Examination(row=ACCOUNT, look=_account, after=((VALID.id, ""),))
    yield Examination(row=CLOCK, look=_clock, after=((VALID.id, ""),))


def _valid(patient: Patient) -> Seen:
    try:
        here = patient.account()
    except UnavailableError as error:
        return bad(str(error), "make AWS reachable from this machine (network, proxy, AWS_ENDPOINT_URL), then repeat")
    except RdsLakeError as error:
        return bad(str(error))
    return good(f"{patient.caller()}, Region {here.region}")


def _account(patient: Patient) -> Seen:
    here = patient.account()
    try:
        require_own(here, patient.lake)
    except ConfigError as error:
        return bad("; ".join(error.problems))
    return good(f"account {here.number}")


def _clock(patient: Patient) -> Seen:
    answer = patient.ask("sts", "get_caller_identity")
    said = answer["ResponseMetadata"].get("HTTPHeaders", {}).get("date")
    if not said:
        return undecided("the answer of STS has no date")
    seconds = (patient.now() - parsedate_to_datetime(said)).total_seconds()
    text = f"this machine's clock is {abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} AWS's"
    if abs(seconds) > _FAIL_SECONDS:
        return bad(text)
    return doubtful(text) if abs(seconds) > _WARN_SECONDS else good(text)
