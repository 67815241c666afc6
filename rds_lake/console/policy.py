"""`rds-lake policy`: print the policy of a role for exactly this lake.yaml. AWS is called only for values that were not given."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rds_lake.aws.session import open_clients
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.console.arguments import WHOSE
from rds_lake.console.aws_reference import PublishedReference
from rds_lake.errors import ConfigError, RdsLakeError
from rds_lake.infra.account import Account, find_account
from rds_lake.infra.doctor.policy import doctor_policy
from rds_lake.infra.policy.deployed import LONGEST_PREFIX, PREFIX_PATTERN, name_prefix
from rds_lake.infra.policy.deployer import deployer_policy
from rds_lake.infra.policy.document import INLINE_LIMIT, MANAGED_LIMIT, PolicyDocument, trust
from rds_lake.infra.policy.names import Names
from rds_lake.infra.policy.pipeline import pipeline_policy
from rds_lake.infra.policy.readers import reader_policy
from rds_lake.infra.policy.service_roles import (
    export_role_policy,
    export_role_trust,
    job_role_policy,
    job_role_trust,
)
from rds_lake.infra.policy.streams.capture import caller_policy, function_policy, stream_policy
from rds_lake.model.aws.arn import parse_arn

_TRUST: Mapping[str, Callable[[], dict[str, Any]]] = {
    "export-role": export_role_trust,
    "job-role": job_role_trust,
    "function-role": lambda: trust("lambda.amazonaws.com"),
    "stream-role": lambda: trust("firehose.amazonaws.com"),
    "caller-role": lambda: trust("rds.amazonaws.com"),
}
_ROLES: Mapping[str, Callable[[LakeConfig, Names], PolicyDocument]] = {
    "export-role": export_role_policy,
    "job-role": job_role_policy,
    "function-role": lambda config, names: function_policy(config, names, name_prefix(config.lake)),
    "stream-role": stream_policy,
    "caller-role": caller_policy,
}
_PLACEHOLDERS = Account(number="ACCOUNT", region="REGION", partition="aws")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The arguments. `whose`: one of `WHOSE`, or `all`. `trust`: print the trust policy instead.

    `name_prefix`, `template_bucket`: the arguments of `rds-lake setup`, for the deployer's policy.
    """

    whose: str
    trust: bool = False
    managed: bool = False
    account: str | None = None
    region: str | None = None
    partition: str | None = None
    name_prefix: str | None = None
    template_bucket: str | None = None


def policy(config: LakeConfig, asked: Asked, *, show: Callable[[str], None], say: Callable[[str], None]) -> None:
    """Show the policy as JSON; `say` gets its length, and each pattern that replaces names."""
    if asked.trust:
        show(_json(_trust(asked.whose)))
        return
    _require_deployer(asked)
    names = find_names(config, asked, say=say)
    if asked.whose != "all":
        show(_json(_said(asked.whose, _document(asked.whose, config, names, asked), asked, say)))
        return
    every: dict[str, Any] = {}
    for whose in WHOSE:
        try:
            document = _document(whose, config, names, asked)
        except ConfigError as error:  # only the deployer's policy needs packages that are not always installed
            say(f"{whose}: {error}")
            continue
        if document.statements:
            every[whose] = _said(whose, document, asked, say)
            if whose in _TRUST:
                every[f"{whose}-trust"] = _trust(whose)
    show(_json(every))


def find_names(config: LakeConfig, asked: Asked, *, say: Callable[[str], None]) -> Names:
    """Returns account, Region and partition: from the arguments, else from the ARNs of lake.yaml, else from the credentials."""
    lake = config.lake
    roles = [parse_arn(text) for text in (lake.export_role, lake.glue_role) if text]
    regional = [parse_arn(text) for text in (lake.kms_key, lake.notifications) if text and text.startswith("arn:")]
    account = asked.account or next((arn.account for arn in roles), None)
    region = asked.region or lake.region or next((arn.region for arn in regional), None)
    partition = asked.partition or next((arn.partition for arn in (*roles, *regional)), None)
    if not (account and region and partition):
        known = _credentials(region, say)
        account, region, partition = account or known.number, region or known.region, partition or known.partition
    return Names(partition=partition, region=region, account=account, prefix=asked.name_prefix)


def _require_deployer(asked: Asked) -> None:
    given = {"--name-prefix": asked.name_prefix, "--template-bucket": asked.template_bucket}
    options = [option for option, value in given.items() if value is not None]
    if options and asked.whose not in ("deployer", "all"):
        raise ConfigError(f"{' and '.join(options)}: only the deployer's policy uses it; add --for deployer")
    if asked.name_prefix is not None and not re.search(PREFIX_PATTERN, asked.name_prefix):
        raise ConfigError(
            f"--name-prefix {asked.name_prefix!r}: the template allows letters, digits and dashes, at most "
            f"{LONGEST_PREFIX}, and no dash at the beginning"
        )


def _credentials(region: str | None, say: Callable[[str], None]) -> Account:
    try:
        return find_account(open_clients(region=region))
    except RdsLakeError as error:
        say(
            f"account and Region could not be read from the credentials ({error}); replace ACCOUNT and REGION in the output, "
            "or use --account, --region and --partition"
        )
        return _PLACEHOLDERS


def _document(whose: str, config: LakeConfig, names: Names, asked: Asked) -> PolicyDocument:
    limit = _limit(whose, asked)
    if whose == "pipeline":
        return pipeline_policy(config, names, limit=limit)
    if whose == "readers":
        return reader_policy(config, names, limit=limit)
    if whose == "doctor":
        return doctor_policy(config, names, limit=limit)
    if whose == "deployer":
        return deployer_policy(config, names, PublishedReference(), limit=limit, template_bucket=asked.template_bucket)
    return _ROLES[whose](config, names)


def _limit(whose: str, asked: Asked) -> int:
    return MANAGED_LIMIT if asked.managed or whose == "readers" else INLINE_LIMIT


def _said(whose: str, document: PolicyDocument, asked: Asked, say: Callable[[str], None]) -> dict[str, Any]:
    limit = _limit(whose, asked)
    kind = "a managed policy" if limit == MANAGED_LIMIT else "a role's inline policies"
    say(f"{whose}: {document.characters:,} of the {limit:,} characters that IAM lets {kind} have")
    for sentence in document.widened:
        say(f"{whose}: {sentence}")
    if document.characters > limit:
        say(
            f"{whose}: IAM will refuse it, and it cannot be shortened further; use shorter prefixes in the bucket, or two lakes"
        )
    if not document.statements:
        say(f"{whose}: this lake.yaml does not need this role")
    return document.as_dict()


def _trust(whose: str) -> dict[str, Any]:
    if whose not in _TRUST:
        raise ConfigError(
            f"--trust is for --for {' and --for '.join(_TRUST)}: for other roles, you decide which principals they trust"
        )
    return _TRUST[whose]()


def _json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False)
