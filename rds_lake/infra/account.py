"""Compares the ARNs of lake.yaml with the account and Region of the credentials, before `rds-lake setup` creates anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.translate import aws_errors
from rds_lake.config.lake_yaml import LakeSettings
from rds_lake.errors import ConfigError
from rds_lake.model.aws.arn import Arn, parse_arn


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The account and Region of the credentials. `partition` is aws, aws-cn or aws-us-gov."""

    number: str
    region: str
    partition: str

    def owns(self, arn: Arn) -> bool:
        """Whether the object belongs to this account."""
        return arn.account == self.number


def find_account(clients: AwsClients) -> Account:
    """Returns the account and Region of these clients."""
    sts = clients.client("sts")
    with aws_errors("sts", "GetCallerIdentity"):
        caller = parse_arn(sts.get_caller_identity()["Arn"])
    return Account(number=caller.account, region=clients.s3.meta.region_name, partition=caller.partition)


def require_own(account: Account, settings: LakeSettings) -> None:
    """ConfigError that lists every ARN of lake.yaml that a lake in this account and Region cannot use.

    A role must belong to the account that passes it
    (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html), a key to the Region. A topic may belong to
    another account; it is then not created here.
    """
    problems = list(_problems(account, settings))
    if problems:
        raise ConfigError(
            f"the credentials belong to account {account.number}, Region {account.region}; nothing was created. Correct "
            "lake.yaml, or use credentials and a Region that fit it:",
            problems,
        )


def _problems(account: Account, settings: LakeSettings) -> Iterator[str]:
    for key, text in (("export_role", settings.export_role), ("glue_role", settings.glue_role)):
        if text is not None and not account.owns(parse_arn(text)):
            yield f"{key} {text} is a role of account {parse_arn(text).account}"
    keys = {"notifications": settings.notifications, "kms_key": settings.kms_key}
    for key, text in keys.items():
        if text is None or not text.startswith("arn:"):
            continue
        arn = parse_arn(text)
        if arn.region != account.region:
            yield f"{key} {text} is in Region {arn.region}"
    named = [settings.export_role, settings.glue_role, *keys.values()]
    for text in (text for text in named if text is not None and text.startswith("arn:")):
        if parse_arn(text).partition != account.partition:
            yield f"{text} is of AWS partition {parse_arn(text).partition}, the credentials are of {account.partition}"
