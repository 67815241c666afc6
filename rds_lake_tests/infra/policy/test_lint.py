"""parliament, a linter of policies, has nothing to say about any policy that is printed, but what it is wrong about."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator

import pytest

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake_tests.infra.policy.lakes import LAKES, NAMES
from rds_lake_tests.infra.policy.printed import printed

# Its data is of 2024. Each of these stands in AWS's reference, with which `test_reference.py` compares every statement.
_NEWER = "in AWS's reference of 2026, not yet in parliament's"
_OWN = "on the key itself: AWS lists it with the resource `key`, and parliament looks at the action's own keys only"
_TAGS = "of many kinds of things that can have tags; one is enough"
MUTED = {
    ("UNKNOWN_ACTION", "s3:GetBucketAbac"): _NEWER,
    ("UNKNOWN_ACTION", "s3:PutBucketAbac"): _NEWER,
    ("UNKNOWN_ACTION", "s3:UpdateBucketMetadataAnnotationTableConfiguration"): _NEWER,
    ("UNKNOWN_ACTION", "s3:UpdateBucketMetadataInventoryTableConfiguration"): _NEWER,
    ("UNKNOWN_ACTION", "s3:UpdateBucketMetadataJournalTableConfiguration"): _NEWER,
    ("UNKNOWN_CONDITION_FOR_ACTION", "kms:ResourceAliases"): _OWN,
    ("RESOURCE_MISMATCH", "dynamodb:ListExports"): _NEWER + ": it is checked on the table that it names",
    ("RESOURCE_MISMATCH", "sns:GetSubscriptionAttributes"): _NEWER,
    ("RESOURCE_MISMATCH", "sns:SetSubscriptionAttributes"): _NEWER,
    ("RESOURCE_MISMATCH", "sns:Unsubscribe"): _NEWER,
    ("UNKNOWN_ACTION", "lambda:GetFunctionScalingConfig"): _NEWER,
    ("RESOURCE_MISMATCH", "athena:ListTagsForResource"): _TAGS,
    ("RESOURCE_MISMATCH", "athena:TagResource"): _TAGS,
    (
        "INVALID_ARN",
        "Account expected to be of form like 123456789012",
    ): "`aws` owns the managed policies that AWS writes",
}


def findings(config: LakeConfig) -> Iterator[tuple[str, str]]:
    # Imported here, since every worker imports this file, and parliament reads megabytes.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports pkg_resources
        parliament = pytest.importorskip("parliament")
    for document in printed(config, NAMES).values():
        if not document.statements:
            continue
        for finding in parliament.analyze_policy_string(json.dumps(document.as_dict())).findings:
            details = finding.detail if isinstance(finding.detail, list) else [finding.detail]
            yield from ((finding.issue, _about(detail)) for detail in details)


def _about(detail: object) -> str:
    if isinstance(detail, dict):
        return detail["action"]
    words = str(detail).split()
    return next((word for word in words if ":" in word), str(detail))


@pytest.mark.parametrize("config", LAKES.values(), ids=list(LAKES))
def test_a_linter_of_policies_finds_nothing(config: LakeConfig) -> None:
    assert sorted(set(findings(config)) - MUTED.keys()) == []


def test_each_finding_that_is_not_heeded_is_still_found() -> None:
    found = {finding for config in LAKES.values() for finding in findings(config)}
    assert sorted(MUTED.keys() - found) == []
