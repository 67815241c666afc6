"""The Data API's answers as the gateway gives them on."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from rds_lake.aws.warehouse.redshift_data import RedshiftDataGateway
from rds_lake.errors import AwsError, ThrottledError
from rds_lake.model.warehouse.target import Target

TARGET = Target(database="dev", role="default", workgroup="nightly", secret="arn:secret")


class Answers:
    """A client that gives prepared answers, and remembers what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.asked = list(answers), list[tuple[str, dict[str, Any]]]()

    def __getattr__(self, operation: str) -> Any:
        def call(**params: Any) -> Any:
            self.asked.append((operation, params))
            answer = self.answers.pop(0)
            if isinstance(answer, str):
                raise ClientError({"Error": {"Code": answer, "Message": "no"}}, operation)
            return answer

        return call


def test_pages_of_a_listing_and_of_a_result_are_read_to_the_end_also_behind_an_empty_one() -> None:
    one = {"Id": "1", "StatementName": "run/a", "Status": "SUBMITTED"}
    client = Answers({"Statements": [], "NextToken": "x"}, {"Statements": [one]})
    assert [each.name for each in RedshiftDataGateway(client).named("run/")] == ["run/a"]
    assert client.asked[1][1] == {"StatementName": "run/", "Status": "ALL", "MaxResults": 100, "NextToken": "x"}
    client = Answers(
        {"Records": [[{"longValue": 1}, {"isNull": True}]], "NextToken": "y"}, {"Records": [[{"stringValue": "b"}]]}
    )
    assert RedshiftDataGateway(client).rows("1:2") == [(1, None), ("b",)]


def test_a_statement_has_the_same_token_whoever_sends_it_and_no_database_in_a_session() -> None:
    client = Answers({"Id": "1", "SessionId": "s"}, {"Id": "2", "SessionId": "s"})
    gateway = RedshiftDataGateway(client)
    assert gateway.begin(TARGET, ["select 1", "select 2"], name="n", keep_session=True).session == "s"
    gateway.begin(TARGET, ["select 3"], name="n", session="s")
    (first, asked), (second, again) = client.asked
    assert (first, second) == ("batch_execute_statement", "execute_statement")
    assert asked["ClientToken"] == again["ClientToken"] and len(asked["ClientToken"]) == 64
    assert asked["WorkgroupName"] == "nightly" and asked["ExecutionMode"] == "TRANSACTION"
    assert not {"WorkgroupName", "Database", "SecretArn"} & set(again) and again["SessionId"] == "s"


@pytest.mark.parametrize(
    "code", ["ActiveStatementsExceededException", "ActiveSessionsExceededException", "ThrottlingException"]
)
def test_no_place_is_no_failure(code: str) -> None:
    with pytest.raises(ThrottledError):
        RedshiftDataGateway(Answers(code)).begin(TARGET, ["select 1"], name="n")


def test_what_redshift_does_not_know_any_more_is_nothing_and_other_refusals_are_errors() -> None:
    assert RedshiftDataGateway(Answers("ResourceNotFoundException")).look("1") is None
    RedshiftDataGateway(Answers("ValidationException")).cancel("1")
    with pytest.raises(AwsError, match="AccessDeniedException"):
        RedshiftDataGateway(Answers("AccessDeniedException")).cancel("1")
