"""A warehouse's template and the policies around it: what the linters say, what goes with the stack, and no password anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rds_lake.config.lake_yaml import LakeConfig, parse_config
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.pipeline import pipeline_policy
from rds_lake.infra.template.warehouse.template import warehouse_template, warehouse_text
from rds_lake.model.lake.layout import LakeLayout
from rds_lake.model.warehouse.names import names_of
from rds_lake.model.warehouse.plan import Mode
from rds_lake_tests.infra.template.lakes import ACCOUNT
from rds_lake_tests.infra.template.resolved import deployed

LAKE = f"""
lake: {{bucket: acme-lake, prefix: lake, events_queue: acme-events, workgroup: acme, start_date: 2026-01-01,
  kms_key: 'arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d-0000-4444-8888-123456789012'}}
sources: [{{name: reviews, kind: dynamodb, tables: [Reviews]}}, {{name: clicks, kind: dynamodb, tables: [Clicks]}}]
warehouses:
  - {{name: nightly, mode: cluster, cluster: {{nodes: 2}}, vpc: vpc-0a1b2c3d, subnets: [subnet-0a1b2c3d, subnet-0a1b2c3e],
      loads: [{{table: reviews.reviews}},
        {{name: offers, files: ['s3://acme-offers/in/'], format: csv, columns: [{{name: id, type: bigint}}]}}],
      unload: [{{name: result, table: offers, to: 's3://acme-results/out/'}}]}}
  - {{name: adhoc, mode: serverless, serverless: {{usage_limit: {{rpu_hours: 10}}}}, loads: [{{table: reviews.reviews}}]}}
"""
_NAMES = Names(partition="aws", region="us-east-1", account=ACCOUNT)


@pytest.fixture(scope="module")
def config() -> LakeConfig:
    return parse_config(LAKE, where="lake.yaml")


def bodies(config: LakeConfig) -> dict[str, dict[str, Any]]:
    layout = LakeLayout(bucket="acme-lake", prefix="lake")
    return {
        each.name: warehouse_template(config, each, names_of(layout, each.name, "run-1", Mode(each.mode), 1))
        for each in config.warehouses
    }


def test_cfn_lint_has_nothing_to_say(config: LakeConfig) -> None:
    cfnlint = pytest.importorskip("cfnlint.api")
    from cfnlint.config import ManualArgs

    arguments: Any = ManualArgs(include_checks=["I"], regions=["us-east-1", "eu-central-1", "us-gov-west-1"])
    for body in bodies(config).values():
        found = cfnlint.lint(json.dumps(body), config=arguments)
        assert [f"{match.rule.id}: {match.message}" for match in found] == []


def test_parliament_finds_nothing(config: LakeConfig) -> None:
    parliament = pytest.importorskip("parliament")
    documents = [pipeline_policy(config, _NAMES).as_dict()]
    for body in bodies(config).values():
        role = deployed({"Parameters": {}, "Outputs": {}} | body, {}).resources["Role"]["Properties"]
        documents += [role["Policies"][0]["PolicyDocument"]]
    for document in documents:
        found = parliament.analyze_policy_string(json.dumps(document)).findings
        issues = [(each.issue, each.detail) for each in found]
        # AWS's reference is newer than parliament's copy for the table of an export.
        assert [issue for issue in issues if "dynamodb:ListExports" not in str(issue[1])] == []


def test_everything_goes_with_the_stack_and_nobody_from_outside_reaches_it(config: LakeConfig) -> None:
    cluster, adhoc = bodies(config)["nightly"]["Resources"], bodies(config)["adhoc"]["Resources"]
    for resources in (cluster, adhoc):
        data = [each for each in resources.values() if each["Type"].startswith("AWS::Redshift")]
        assert all(each.get("DeletionPolicy", "Delete") == "Delete" for each in data)
    assert cluster["Cluster"]["DeletionPolicy"] == cluster["Cluster"]["UpdateReplacePolicy"] == "Delete"
    made = cluster["Cluster"]["Properties"]
    assert (made["Encrypted"], made["PubliclyAccessible"], made["ManageMasterPassword"]) == (True, False, True)
    assert made["VpcSecurityGroupIds"] == [{"Fn::GetAtt": ["SecurityGroup", "GroupId"]}]
    assert "SecurityGroupIngress" not in cluster["SecurityGroup"]["Properties"]
    assert made["ClusterSubnetGroupName"] == {"Ref": "Subnets"}
    assert adhoc["Namespace"]["Properties"]["ManageAdminPassword"] is True
    assert adhoc["Workgroup"]["Properties"]["PubliclyAccessible"] is False


def test_no_template_has_a_parameter_output_or_property_with_a_password(config: LakeConfig) -> None:
    layout = LakeLayout(bucket="acme-lake", prefix="lake")
    for each in config.warehouses:
        text = warehouse_text(config, each, names_of(layout, each.name, "run-1", Mode(each.mode), 1))
        assert "Parameters" not in json.loads(text)
        for word in ("MasterUserPassword", "AdminUserPassword", "resolve:secretsmanager"):
            assert word not in text


def test_redshift_reads_what_the_warehouse_loads_and_writes_its_own_staging_alone(config: LakeConfig) -> None:
    role = bodies(config)["nightly"]["Resources"]["Role"]["Properties"]
    statements = {each["Sid"]: each for each in role["Policies"][0]["PolicyDocument"]["Statement"]}
    text = json.dumps(statements)
    assert "acme-lake/lake/reviews/*" in text and "acme-offers/in/*" in text
    assert "clicks" not in text, "another source"
    (place,) = statements["WriteResults"]["Resource"]
    assert place["Fn::Sub"].endswith(":s3:::acme-lake/lake/_warehouses/nightly/staging/*")
    assert not any("Delete" in action for each in statements.values() for action in each["Action"])


def test_the_pipeline_follows_statements_of_an_earlier_session_of_its_role(config: LakeConfig) -> None:
    statements = {each["Sid"]: each for each in pipeline_policy(config, _NAMES).as_dict()["Statement"]}
    assert "Condition" not in statements["FollowStatements"]
    assert statements["FollowStatements"]["Resource"] == ["*"]
    assert statements["HaveStacks"]["Resource"] == [
        f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/rds-lake-adhoc-*/*",
        f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/rds-lake-nightly-*/*",
    ]
