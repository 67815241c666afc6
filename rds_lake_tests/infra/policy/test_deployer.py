"""What it takes to deploy the lake: what CloudFormation's handlers call, on what carries the lake's names."""

from __future__ import annotations

import pytest

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.console.aws_reference import PublishedReference
from rds_lake.errors import ConfigError
from rds_lake.infra.policy.deployed import deployed
from rds_lake.infra.policy.deployer import deployer_policy
from rds_lake.infra.policy.document import INLINE_LIMIT
from rds_lake_tests.infra.policy.lakes import ACCOUNT, LAKES, NAMES, TOPIC, job_lake, lake, many, rds

REFERENCE = PublishedReference()


def allowed(config: LakeConfig) -> dict[str, list[str]]:
    """Action -> the resources it is allowed on."""
    document = deployer_policy(config, NAMES, REFERENCE).as_dict()
    return {action: one["Resource"] for one in document["Statement"] for action in one["Action"]}


def test_a_bucket_may_be_made_and_no_other_one_touched() -> None:
    actions = allowed(lake(rds()))
    assert actions["s3:CreateBucket"] == ["arn:aws:s3:::acme-lake"]
    assert actions["s3:PutBucketNotification"] == ["arn:aws:s3:::acme-lake"]


@pytest.mark.parametrize("action", ["s3tables:CreateTable", "s3:DeleteObject", "iam:CreateServiceLinkedRole"])
def test_what_a_handler_could_do_beside_the_lake_is_not_allowed(action: str) -> None:
    types = ("AWS::S3::Bucket", "AWS::Athena::WorkGroup")
    assert any(action in REFERENCE.handler_actions(kind) for kind in types)
    assert action not in allowed(LAKES["everything"])


@pytest.mark.parametrize("config", LAKES.values(), ids=list(LAKES))
def test_everything_in_the_stack_can_be_created_and_deleted(config: LakeConfig) -> None:
    actions = allowed(config)
    for group in deployed(config, NAMES):
        of_group = {action for kind in group.types for action in REFERENCE.handler_actions(kind)} & actions.keys()
        assert any(action.split(":")[1].startswith(("Create", "Put", "Set")) for action in of_group), group.sid
        assert any(action.split(":")[1].startswith(("Delete", "Schedule", "Unsub")) for action in of_group), group.sid


def test_types_that_the_lake_does_not_need_are_not_deployed() -> None:
    small, whole = allowed(LAKES["tables"]), allowed(LAKES["everything"])
    services = {action.partition(":")[0] for action in small}
    assert not {"sns", "kms", "backup"} & services
    assert {"sns", "kms", "backup"} <= {action.partition(":")[0] for action in whole}


def test_each_service_is_passed_only_the_role_that_is_made_for_it() -> None:
    passed = {
        one.conditions["StringEquals"]["iam:PassedToService"]: [resource.arn for resource in one.resources]
        for one in deployer_policy(LAKES["everything"], NAMES, REFERENCE).statements
        if "iam:PassRole" in one.actions
    }
    assert passed == {
        "glue.amazonaws.com": [f"arn:aws:iam::{ACCOUNT}:role/rds-lake-convert"],
        "backup.amazonaws.com": [f"arn:aws:iam::{ACCOUNT}:role/rds-lake-backup"],
        "ec2.amazonaws.com": [f"arn:aws:iam::{ACCOUNT}:role/rds-lake-pipeline"],
    }


@pytest.mark.parametrize("config", [LAKES["everything"], many([f"s{at}" for at in range(200)])])
def test_it_fits_into_the_inline_policy_of_a_role(config: LakeConfig) -> None:
    assert deployer_policy(config, NAMES, REFERENCE).characters <= INLINE_LIMIT


def test_two_lakes_of_an_account_do_not_deploy_each_others_objects() -> None:
    mine, theirs = (
        allowed(lake(rds(), events_queue=f"{name}-events", bucket=f"{name}-lake", **TOPIC)) for name in ("a", "b")
    )
    for action in ("sqs:CreateQueue", "events:PutRule", "s3:CreateBucket", "cloudformation:CreateStack"):
        assert not set(mine[action]) & set(theirs[action])


def test_a_long_template_and_the_glue_jobs_file_may_be_put_into_the_lake_and_nothing_else() -> None:
    template, job = "arn:aws:s3:::acme-lake/lake/_stacks/*", "arn:aws:s3:::acme-lake/lake/_jobs/*"
    assert allowed(job_lake())["s3:PutObject"] == [job, template]
    assert allowed(lake(rds()))["s3:PutObject"] == [template]


def test_without_the_packages_that_know_cloudformation_a_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "cfnlint.schema.manager", None)
    with pytest.raises(ConfigError, match=r"pip install 'rds-lake\[local\]'"):
        deployer_policy(lake(rds()), NAMES, PublishedReference())
