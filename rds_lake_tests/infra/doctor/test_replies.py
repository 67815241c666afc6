"""What no call of a test can break is answered otherwise: each row says what it is for."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rds_lake.aws.account.answers import Answers
from rds_lake.infra.doctor.findings import Key, Verdict
from rds_lake_tests.infra.doctor.accounts import Account
from rds_lake_tests.infra.doctor.replies import Replies

Change = Callable[[Any], Any]


@pytest.fixture(scope="module")
def replies(healthy: Account) -> Replies:
    kept = Replies(Answers(lambda: healthy.clients))
    healthy.findings(answers=kept)
    return kept


def into(*path: str, value: Any) -> Change:
    """The answer with another value at a place."""

    def change(answer: Any) -> Any:
        changed = copy.deepcopy(answer)
        place = changed
        for key in path[:-1]:
            place = place[int(key)] if isinstance(place, list) else place[key]
        place[path[-1]] = value
        return changed

    return change


_MAPPING = {"FunctionArn": "arn:aws:lambda:us-east-1:123456789012:function:other", "State": "Enabled"}
_TABLE = [
    ("head_bucket", into("BucketRegion", value="eu-west-1"), ("bucket.region", "acme-lake"), Verdict.FAIL),
    ("describe_key", into("KeyMetadata", "KeySpec", value="RSA_2048"), ("key.state", "alias/acme"), Verdict.FAIL),
    ("list_grants", lambda _: [{"GrantId": str(at)} for at in range(40_001)], ("key.grants", "alias/acme"), Verdict.WARN),
    ("list_event_source_mappings", lambda _: [_MAPPING], ("queue.consumers", "acme-events"), Verdict.FAIL),
    ("get_queue_attributes", into("Attributes", "VisibilityTimeout", value="5"), ("queue.visibility", "acme-events"), Verdict.WARN),
    ("get_metric_statistics", lambda _: {"Datapoints": [{"Sum": 3.0}]}, ("rule.failures", "acme-events"), Verdict.WARN),
    (
        "get_work_group",
        into("WorkGroup", "Configuration", "EngineVersion", value={"SelectedEngineVersion": "Athena engine version 2"}),
        ("workgroup.engine", "acme"),
        Verdict.FAIL,
    ),
    (
        "get_work_group",
        into("WorkGroup", "Configuration", "BytesScannedCutoffPerQuery", value=10_000_000),
        ("workgroup.limit", "acme"),
        Verdict.WARN,
    ),
    ("get_work_group", into("WorkGroup", "State", value="DISABLED"), ("workgroup.enabled", "acme"), Verdict.FAIL),
    (
        "get_database",
        into("Database", "TargetDatabase", value={"CatalogId": "2", "DatabaseName": "x"}),
        ("catalogue.database", "shop"),
        Verdict.FAIL,
    ),
    ("get_job", lambda _: None, ("job.definition", "acme-convert"), Verdict.FAIL),
    ("describe_export_tasks", lambda _: [{}] * 5, ("quota.exports", ""), Verdict.WARN),
    ("describe_db_clusters", into("DBClusters", "0", "EngineMode", value="serverless"), ("source.exportable", "crm"), Verdict.FAIL),
    ("describe_db_instances", into("DBInstances", "0", "Engine", value="oracle-ee"), ("source.exportable", "shop"), Verdict.FAIL),
    ("describe_db_instances", into("DBInstances", "0", "DBClusterIdentifier", value="crm"), ("source.exists", "shop"), Verdict.FAIL),
]  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "change", "key", "verdict"), _TABLE, ids=[f"{row[2][0]} {row[0]}" for row in _TABLE]
)
def test_an_answer_that_is_not_as_it_should_be_is_shown_by_its_row(
    healthy: Account, replies: Replies, operation: str, change: Change, key: Key, verdict: Verdict
) -> None:
    replies.replace = lambda _, called, __, answer: change(answer) if called == operation else answer
    found = healthy.findings(answers=replies, now=replies.at)
    assert found[key].verdict is verdict, found[key].seen
    subjects = {one.row.id for one in found.values() if one.flagged and one.verdict is not Verdict.SKIPPED}
    assert subjects == {key[0]}


@pytest.mark.exhaustive
def test_a_clock_that_is_wrong_is_reported_and_one_that_is_a_little_off_is_not(healthy: Account) -> None:
    clocks = {seconds: healthy.findings(now=datetime.now(UTC) + timedelta(seconds=seconds), only=("credentials.clock",))
              for seconds in (-20, 120, -600)}  # fmt: skip
    verdicts = {seconds: found["credentials.clock", ""].verdict for seconds, found in clocks.items()}
    assert verdicts == {-20: Verdict.PASS, 120: Verdict.WARN, -600: Verdict.FAIL}


def test_credentials_of_another_account_are_reported_and_nothing_else_is_looked_at(
    healthy: Account, replies: Replies
) -> None:
    other = into("Arn", value="arn:aws:iam::999999999999:user/ann")
    replies.replace = lambda _, called, __, answer: other(answer) if called == "get_caller_identity" else answer
    found = healthy.findings(answers=replies, now=replies.at)
    assert found["credentials.account", ""].verdict is Verdict.FAIL
    assert {one.verdict for key, one in found.items() if not key[0].startswith(("credentials", "quota.daily"))} == {
        Verdict.SKIPPED
    }


@pytest.mark.exhaustive
def test_a_denial_that_depends_on_where_a_request_comes_from_is_a_doubt(healthy: Account, replies: Replies) -> None:
    only_endpoint = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": '
        '["arn:aws:s3:::acme-lake", "arn:aws:s3:::acme-lake/*"], "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}}]}'
    )
    replies.replace = lambda _, called, asked, answer: (
        {"Policy": only_endpoint} if called == "get_bucket_policy" and asked["Bucket"] == "acme-lake" else answer
    )
    found = healthy.findings(answers=replies, now=replies.at)
    flagged = {key: one for key, one in found.items() if one.flagged}
    assert list(flagged) == [("bucket.policy", "acme-lake")]
    assert flagged["bucket.policy", "acme-lake"].verdict is Verdict.WARN
    assert "aws:SourceVpce" in flagged["bucket.policy", "acme-lake"].seen


@pytest.mark.exhaustive
def test_whose_rights_are_judged_may_be_said(healthy: Account) -> None:
    weak = healthy.flagged(role="arn:aws:iam::123456789012:role/lake/acme-export", only=("role.exists", "role.rights"))
    assert ("role.rights", "pipeline StartExports") in weak
    assert ("role.rights", "export-role WriteExports") not in weak
