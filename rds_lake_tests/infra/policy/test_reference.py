"""Every printed policy against AWS's own reference of actions, resources and condition keys, in every partition."""

from __future__ import annotations

import re

import pytest

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.infra.policy.names import Names
from rds_lake_tests.infra.policy.lakes import ACCOUNT, LAKES, NAMES
from rds_lake_tests.infra.policy.printed import IAM, checked_on, condition_keys, statements

PLACES = {
    "aws": NAMES,
    "aws-cn": Names(partition="aws-cn", region="cn-north-1", account=ACCOUNT),
    "aws-us-gov": Names(partition="aws-us-gov", region="us-gov-west-1", account=ACCOUNT),
}
# The reference has a resource for it, which only puts into a data set are checked on: plain metrics are put on `*`.
# Clusters are a new resource of Redshift's lists, and no condition of them: a list without a name is of all.
ONLY_ON_ALL = {"cloudwatch:PutMetricData", "redshift:DescribeClusters", "redshift:DescribeClusterSnapshots"}

pytestmark = pytest.mark.parametrize("config", LAKES.values(), ids=list(LAKES))


def test_every_action_exists_and_none_is_a_pattern(config: LakeConfig) -> None:
    for where, statement in statements(config, NAMES):
        for action in statement["Action"]:
            assert not set("*?") & set(action), f"{where}: {action}"
            assert IAM.actions.action_exists(*action.split(":")), f"{where}: AWS has no {action}"


@pytest.mark.parametrize("names", PLACES.values(), ids=list(PLACES))
def test_everything_is_allowed_on_all_resources_only_where_aws_knows_no_narrower_one(
    config: LakeConfig, names: Names
) -> None:
    for where, statement in statements(config, names):
        narrow = {action for action in statement["Action"] if checked_on(action)} - ONLY_ON_ALL
        if "*" in statement["Resource"]:
            assert (statement["Resource"], narrow) == (["*"], set()), where
        else:
            assert all(checked_on(action) for action in statement["Action"]), f"{where}: needs `*`"


def test_each_action_is_allowed_on_every_resource_that_aws_checks_it_on(config: LakeConfig) -> None:
    for where, statement in statements(config, NAMES):
        for action in statement["Action"]:
            if statement["Resource"] == ["*"]:
                continue
            covered = {
                regex: any(re.fullmatch(regex, arn) for arn in statement["Resource"]) for regex, _ in checked_on(action)
            }
            required = [regex for regex, needed in checked_on(action) if needed]
            # Of the kinds of things that can have tags one is enough, and of two sorts of event bus the rule's.
            enough = all(covered[regex] for regex in required) if "Tag" not in action else any(covered.values())
            assert enough and any(covered.values()), f"{where}: {action} is checked on {covered}"


def test_each_resource_is_one_of_some_action_of_its_statement(config: LakeConfig) -> None:
    for where, statement in statements(config, NAMES):
        regexes = {regex for action in statement["Action"] for regex, _ in checked_on(action)} | {r"\*"}
        for arn in statement["Resource"]:
            assert any(re.fullmatch(regex, arn) for regex in regexes), f"{where}: {arn} is no resource of any action"


def test_each_condition_is_on_a_key_that_aws_fills_in_for_every_action(config: LakeConfig) -> None:
    for where, statement in statements(config, NAMES):
        for action in statement["Action"]:
            for key in {key for keys in statement.get("Condition", {}).values() for key in keys}:
                assert key in condition_keys(action), f"{where}: {action} has no {key}, so the statement allows nothing"


@pytest.mark.parametrize("names", PLACES.values(), ids=list(PLACES))
def test_no_arn_of_another_partition_is_printed(config: LakeConfig, names: Names) -> None:
    own = re.compile(rf"arn:{names.partition}:|\*$")
    written = {config.lake.export_role, config.lake.glue_role, config.lake.notifications, config.lake.kms_key}
    written |= {source.verify.secret for source in config.databases if source.verify}
    for where, statement in statements(config, names):
        assert [arn for arn in statement["Resource"] if not own.match(arn) and arn not in written] == [], where


def test_every_statement_of_a_policy_has_a_name_of_its_own(config: LakeConfig) -> None:
    sids = [where for where, _ in statements(config, NAMES)]
    assert len(set(sids)) == len(sids)
    assert all(re.fullmatch(r"[\w-]+ [A-Za-z0-9]+", sid) for sid in sids), "IAM takes letters and digits only"
