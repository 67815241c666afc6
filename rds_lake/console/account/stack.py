"""`rds-lake setup --stack NAME`: deploy the lake's template with CloudFormation, or remove the stack."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.session import open_clients
from rds_lake.aws.translate import aws_errors
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.errors import ConfigError, ConflictError
from rds_lake.infra.account import find_account, require_own
from rds_lake.infra.stack.claim import claim
from rds_lake.infra.stack.client import StackClient
from rds_lake.infra.stack.deploy import Deployment, Order, require_parameters
from rds_lake.infra.stack.upload import template_argument
from rds_lake.infra.stack.watch import Pace
from rds_lake.infra.template.build import build_template
from rds_lake.infra.template.job import job_files
from rds_lake.infra.template.parts import tags
from rds_lake.infra.template.render import as_yaml


@dataclass(frozen=True, slots=True, kw_only=True)
class StackAsked:
    """What the command is asked for. `parameters`: texts `KEY=VALUE`; `template_bucket`: where a long template is uploaded."""

    name: str
    parameters: tuple[str, ...] = ()
    template_bucket: str | None = None
    remove: bool = False


def setup_stack(
    config: LakeConfig, asked: StackAsked, *, pace: Pace, token: Callable[[], str], say: Callable[[str], None]
) -> None:
    """Create or update the stack and put the Glue job's files where it reads them; or remove the stack.

    ConfigError where lake.yaml or a parameter is wrong, before anything is created. Others: `Deployment`.
    """
    made, given = build_template(config), _parameters(asked.parameters)
    clients = open_clients(region=config.lake.region)
    stacks = StackClient(api=clients.client("cloudformation"), name=asked.name)
    deployment = Deployment(stacks=stacks, pace=pace, say=say, token=token)
    if asked.remove:
        deployment.remove(made.body["Description"])
        return
    order = Order(body=made.body, source={}, parameters=given, tags=tuple(tags(config.lake)))
    require_parameters(order)
    account = find_account(clients)
    require_own(account, config.lake)
    for note in made.notes:
        say(f"note: {note}")
    claimed = claim(clients, config.lake, account)
    source = template_argument(as_yaml(made.body), clients, config.lake, account, bucket=asked.template_bucket)
    deployment.deploy(Order(body=order.body, source=source, parameters=given, tags=order.tags))
    if not claimed:
        claim(clients, config.lake, account)
    if config.has_glue_job:
        _put_job(config, clients, say)


def _parameters(texts: Iterable[str]) -> dict[str, str]:
    """The parameters by name; ConfigError lists the texts that are no KEY=VALUE, and keys given twice."""
    pairs = [text.partition("=") for text in texts]
    problems = [f"{key}: write KEY=VALUE" for key, equals, _ in pairs if not (key and equals)]
    keys = [key for key, _, _ in pairs]
    problems += [f"{key} is given twice" for key in dict.fromkeys(keys) if keys.count(key) > 1]
    if problems:
        raise ConfigError("--parameter cannot be used:", problems)
    return {key: value for key, _, value in pairs}


def _put_job(config: LakeConfig, clients: AwsClients, say: Callable[[str], None]) -> None:
    """Files have the digest of what is in them in their names: what is there is left as it is."""
    bucket = config.lake.bucket
    for key, body in job_files(config).items():
        try:
            with aws_errors("s3", "PutObject", about=f"s3://{bucket}/{key}"):
                clients.s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")
        except ConflictError:
            continue
        say(f"the Glue job's file s3://{bucket}/{key} is uploaded")
