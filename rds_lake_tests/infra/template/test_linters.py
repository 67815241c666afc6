"""What cfn-lint says of the template, and parliament of every policy in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rds_lake.infra.template.render import as_yaml
from rds_lake_tests.infra.template.lakes import ACCOUNT, LAKES, PARAMETERS, template_of
from rds_lake_tests.infra.template.resolved import REGIONS, deployed, policies

# parliament's copy of the reference is older than AWS's, which checks this action on a table.
_OUTDATED = {("RESOURCE_MISMATCH", "dynamodb:ListExports")}
# Lambda asks for this right on `*/*` (https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html).
_OUTDATED |= {
    ("RESOURCE_MISMATCH", f"ec2:{action}")
    for action in ("AssignPrivateIpAddresses", "DeleteNetworkInterface", "UnassignPrivateIpAddresses")
}


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", LAKES)
def test_cfn_lint_has_nothing_to_say_in_any_partition_not_even_advice(name: str) -> None:
    # Both linters are imported by their tests, since every worker imports this file, and they read megabytes.
    cfnlint = pytest.importorskip("cfnlint.api")
    from cfnlint.config import ManualArgs

    arguments: Any = ManualArgs(include_checks=["I"], regions=list(REGIONS.values()))
    found = cfnlint.lint(as_yaml(template_of(name).body), config=arguments)
    assert [f"{match.rule.id} line {match.linenumber}: {match.message}" for match in found] == []


def as_identity_policy(where: str, document: dict[str, Any]) -> dict[str, Any]:
    """The policy with a resource, which one of a key says by `*` and one that lets a role be assumed does not say."""
    resources = {
        "KeyPolicy": f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d-0000-4444-8888-123456789012",
        "AssumeRolePolicyDocument": f"arn:aws:iam::{ACCOUNT}:role/any",
    }
    own = resources.get(where.partition(".")[2])
    statements = [statement | ({"Resource": own} if own else {}) for statement in document["Statement"]]
    # kms:* on a key means the actions that a key knows; parliament asks for the others, too.
    return document | {"Statement": [each for each in statements if each["Action"] != ["kms:*"]]}


@pytest.mark.parametrize("partition", REGIONS)
@pytest.mark.parametrize("name", LAKES)
def test_parliament_finds_nothing_in_any_policy(name: str, partition: str) -> None:
    parliament = pytest.importorskip("parliament")
    stack = deployed(template_of(name).body, PARAMETERS[name], partition)
    found = policies(stack)
    assert len(found) >= 5
    for where, document in found.items():
        text = json.dumps(as_identity_policy(where, document)).replace(f"arn:{partition}:", "arn:aws:")
        findings = [
            (finding.issue, item["action"] if isinstance(item, dict) else item)
            for finding in parliament.analyze_policy_string(text).findings
            for item in (finding.detail if isinstance(finding.detail, list) else [finding.detail])
        ]
        assert not [finding for finding in findings if finding not in _OUTDATED], where
