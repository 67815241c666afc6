"""`rds-lake setup`: deploy the lake's template with CloudFormation, or remove the stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.session import open_clients
from rds_lake.aws.translate import aws_errors
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.errors import ConfigError, ConflictError
from rds_lake.infra.account import Account, find_account, require_own
from rds_lake.infra.existing.find import find_existing
from rds_lake.infra.existing.look import Found, Look
from rds_lake.infra.policy.deployed import name_prefix
from rds_lake.infra.stack.claim import claim
from rds_lake.infra.stack.client import Stack, StackClient
from rds_lake.infra.stack.deploy import Deployment, Order, require_parameters
from rds_lake.infra.stack.template_text import defaults
from rds_lake.infra.stack.upload import template_argument
from rds_lake.infra.stack.watch import Pace
from rds_lake.infra.template.build import Template, build_template
from rds_lake.infra.template.job import job_files
from rds_lake.infra.template.parts import tags
from rds_lake.infra.template.render import as_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class StackAsked:
    """The arguments of the command. `name`: of the stack; None: `name_prefix` of the lake.

    `parameters`: texts `KEY=VALUE`; `template_bucket`: where a long template is uploaded.
    """

    name: str | None = None
    parameters: tuple[str, ...] = ()
    template_bucket: str | None = None
    remove: bool = False


def setup(
    config: LakeConfig, asked: StackAsked, *, pace: Pace, token: Callable[[], str], say: Callable[[str], None]
) -> None:
    """Create or update the stack of lake.yaml in the account of the credentials, or remove it. See `Setup`."""
    Setup(config=config, clients=open_clients(region=config.lake.region), pace=pace, token=token, say=say).apply(asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """The stack of one lake in one account. `say` is called with a line for each event."""

    config: LakeConfig
    clients: AwsClients
    pace: Pace
    token: Callable[[], str]
    say: Callable[[str], None]
    _found: list[Found] = field(default_factory=list)

    def apply(self, asked: StackAsked) -> None:
        """Create or update the stack. Existing objects that are not the stack's are used, and changed only by additions.

        ConfigError, before anything is changed, if lake.yaml, a parameter or an existing object cannot be used. Others: `Deployment`.
        """
        made, given = build_template(self.config), _parameters(asked.parameters)
        name = asked.name or name_prefix(self.config.lake)
        stacks = StackClient(api=self.clients.client("cloudformation"), name=name)
        if asked.remove:
            deployment = Deployment(stacks=stacks, pace=self.pace, say=self.say, token=self.token)
            deployment.remove(made.body["Description"])
            return
        order = Order(body=made.body, source={}, parameters=given, tags=tuple(tags(self.config.lake)))
        require_parameters(order)
        account = find_account(self.clients)
        require_own(account, self.config.lake)
        for note in made.notes:
            self.say(f"note: {note}")
        claimed = claim(self.clients, self.config.lake, account)
        source = template_argument(
            as_yaml(made.body), self.clients, self.config.lake, account, bucket=asked.template_bucket
        )
        deployment = Deployment(
            stacks=stacks,
            pace=self.pace,
            say=self.say,
            token=self.token,
            existing=lambda stack: self._existing(made, given, account, stacks, stack),
        )
        deployment.deploy(Order(body=order.body, source=source, parameters=given, tags=order.tags))
        if not claimed:
            claim(self.clients, self.config.lake, account)
        if self.config.has_glue_job:
            _put_job(self.config, self.clients, self.say)
        for existing in self._found:
            if existing.after:
                existing.after(self.say)

    def _existing(
        self, made: Template, given: Mapping[str, str], account: Account, stacks: StackClient, stack: Stack | None
    ) -> dict[str, str]:
        look = Look(
            clients=self.clients,
            config=self.config,
            account=account,
            stack=stacks.name,
            parameters=defaults(made.body),
            given=given,
            chosen=stack.parameters if stack else {},
            owned=stacks.resources(stack.id) if stack else frozenset(),
        )
        self._found[:] = find_existing(look)
        for existing in self._found:
            self.say(existing.said)
            if existing.before:
                existing.before(self.say)
        return {existing.parameter: existing.value for existing in self._found}


def _parameters(texts: Iterable[str]) -> dict[str, str]:
    """Returns the parameters by name. ConfigError lists the texts that are not KEY=VALUE, and repeated keys."""
    pairs = [text.partition("=") for text in texts]
    problems = [f"{key}: write KEY=VALUE" for key, equals, _ in pairs if not (key and equals)]
    keys = [key for key, _, _ in pairs]
    problems += [f"{key} is given twice" for key in dict.fromkeys(keys) if keys.count(key) > 1]
    if problems:
        raise ConfigError("these values of --parameter cannot be used:", problems)
    return {key: value for key, _, value in pairs}


def _put_job(config: LakeConfig, clients: AwsClients, say: Callable[[str], None]) -> None:
    """Upload the job's files. Their names contain a digest of their content, so an existing file is not written again."""
    bucket = config.lake.bucket
    for key, body in job_files(config).items():
        try:
            with aws_errors("s3", "PutObject", about=f"s3://{bucket}/{key}"):
                clients.s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
        except ConflictError:
            continue
        say(f"the Glue job's file s3://{bucket}/{key} is uploaded")
