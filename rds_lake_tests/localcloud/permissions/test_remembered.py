"""What is kept of earlier decisions never changes a later one."""

import time
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.localcloud.permissions.remembered import Remembered
from rds_lake.model.permissions.documents import parse_policy
from rds_lake.model.permissions.evaluate import evaluate
from rds_lake.model.permissions.request import Principal, Request
from rds_lake_tests.localcloud.permissions.calling import Calling, allow

_ACTIONS, _PLACES = ("s3:GetObject", "s3:PutObject", "glue:GetTable"), ("arn:aws:s3:::a/1", "arn:aws:s3:::a/2", "*")
_STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(("Allow", "Deny")),
        "Action": st.sampled_from((*_ACTIONS, "s3:*", "*")),
        "Resource": st.sampled_from((*_PLACES, "arn:aws:s3:::a/*")),
    }
)
_ASKED = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(_ACTIONS), st.sampled_from(_PLACES)), max_size=12)


@given(st.lists(st.lists(_STATEMENTS, min_size=1, max_size=4), min_size=3, max_size=3), _ASKED)
def test_a_decision_is_the_evaluators_whatever_was_asked_before(
    documents: list[list[dict[str, str]]], asked: list
) -> None:
    remembered = Remembered()
    policies = [parse_policy({"Version": "2012-10-17", "Statement": listed}, name="p") for listed in documents]
    for number, action, resource in asked * 2:
        who = Principal(arn="arn:aws:iam::123456789012:user/a", account="123456789012", policies=(policies[number],))
        request = Request(action=action, resource=resource, account="123456789012")
        assert remembered.decide(request, who, None, (), ()) == evaluate(request, who)


def test_a_right_that_ends_at_a_time_ends_then(calling: Calling) -> None:
    end = datetime.now(UTC) + timedelta(seconds=3)
    until_then = {"DateLessThan": {"aws:CurrentTime": f"{end:%Y-%m-%dT%H:%M:%SZ}"}}
    topics = calling.client("sns", calling.user(allow("sns:ListTopics", Condition=until_then)))
    topics.list_topics()
    time.sleep(4)
    with pytest.raises(ClientError, match="SNS:ListTopics"):
        topics.list_topics()
