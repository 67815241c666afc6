"""A place in a bucket belongs to one lake: the second one is refused there, and welcome beside it."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from rds_lake.config.lake_yaml import LakeSettings
from rds_lake.errors import ConfigError, UnavailableError
from rds_lake.infra.account import Account
from rds_lake.infra.stack.claim import claim
from rds_lake_tests.infra.stack.conftest import Site
from rds_lake_tests.infra.template.lakes import config_of
from rds_lake_tests.support.in_process import in_process

HERE = Account(number="123456789012", region="us-east-1", partition="aws")
_WHERE = "lake/_stacks/_lake.json"


@pytest.fixture
def clients(site: Site) -> Any:
    return in_process(site.formation.cloud.clients)


def lake(**changes: Any) -> LakeSettings:
    return config_of("rds").lake.model_copy(update=changes)


@pytest.mark.exhaustive
def test_the_first_lake_of_a_place_keeps_it_however_often_it_is_set_up(clients: Any) -> None:
    assert claim(clients, lake(), HERE) is False, "there is no bucket yet"
    clients.s3.create_bucket(Bucket="acme-lake")
    assert claim(clients, lake(), HERE) and claim(clients, lake(), HERE)
    assert claim(clients, lake(prefix="other", events_queue="other-events"), HERE)


def test_another_lake_of_the_same_place_is_refused_with_the_queue_of_the_first(clients: Any) -> None:
    clients.s3.create_bucket(Bucket="acme-lake")
    claim(clients, lake(), HERE)
    with pytest.raises(
        ConfigError, match=r"s3://acme-lake/lake/ belongs to another lake, with events_queue acme-events"
    ) as e:
        claim(clients, lake(events_queue="other-events"), HERE)
    assert "Give this lake another `prefix:`" in str(e.value)
    clients.s3.delete_object(Bucket="acme-lake", Key=_WHERE)
    assert claim(clients, lake(events_queue="other-events"), HERE), "a queue that was renamed"


@pytest.mark.exhaustive
@pytest.mark.parametrize("text", ["", "[]", '{"events_queue": 1}', "\x00"])
def test_a_record_that_cannot_be_read_is_nobodys(clients: Any, text: str) -> None:
    clients.s3.create_bucket(Bucket="acme-lake")
    clients.s3.put_object(Bucket="acme-lake", Key=_WHERE, Body=text.encode())
    with pytest.raises(ConfigError, match="with events_queue not readable; nothing was changed"):
        claim(clients, lake(), HERE)


def test_a_place_that_another_claims_at_this_moment_is_asked_for_again(clients: Any) -> None:
    """S3 refuses one of two writes at once, and the other may not be there yet."""
    clients.s3.create_bucket(Bucket="acme-lake")

    def refuse(**_: Any) -> Any:
        answer = AWSResponse("s3://acme-lake", 409, HTTPHeaders(), None)
        return answer, {
            "Error": {"Code": "ConditionalRequestConflict", "Message": "conflict"},
            "ResponseMetadata": {"HTTPStatusCode": 409},
        }

    clients.s3.meta.events.register("before-call.s3.PutObject", refuse, unique_id="refuse")
    try:
        with pytest.raises(UnavailableError, match=r"another command is writing s3://acme-lake/.*; repeat"):
            claim(clients, lake(), HERE)
    finally:
        clients.s3.meta.events.unregister("before-call.s3.PutObject", unique_id="refuse")


@pytest.mark.exhaustive
def test_a_bucket_of_another_account_is_reported_and_not_written(clients: Any) -> None:
    clients.s3.create_bucket(Bucket="acme-lake")
    theirs = Account(number="999988887777", region="us-east-1", partition="aws")
    with pytest.raises(ConfigError, match=r"belongs to another account than 999988887777.*Choose another `bucket:`"):
        claim(clients, lake(), theirs)
    assert "Contents" not in clients.s3.list_objects_v2(Bucket="acme-lake")
