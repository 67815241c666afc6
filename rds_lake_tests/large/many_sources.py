"""Deploys, updates and removes the stack of 200 sources in the local cloud, by a user with exactly the printed deployer's policy.

python -m bench.many_sources
"""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import click
from click.testing import CliRunner

from rds_lake import cli
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.environment import environment
from rds_lake_tests.infra.template.lakes import ACCOUNT, LAKES
from rds_lake_tests.localcloud.permissions.calling import ACCOUNT as HERE
from rds_lake_tests.localcloud.permissions.calling import Calling

_NAME, _TEMPLATES, _USER = "200 sources", "templates", "ann"
_IN_BUCKET = ("--template-bucket", _TEMPLATES)
# Options, exit code, and what has to be said.
_STEPS = (
    ((), 1, "does not exist: name one of account"),
    (_IN_BUCKET, 0, "CREATE_COMPLETE"),
    ((*_IN_BUCKET, "--parameter", "PipelineRunsOn=account"), 0, "UPDATE_COMPLETE"),
    # The lake's own bucket is there now.
    (("--parameter", "PipelineRunsOn=ecs"), 0, "UPDATE_COMPLETE"),
    (("--remove",), 0, "is deleted"),
)


def invoke(folder: Path, command: str, *options: str) -> tuple[int, str, str]:
    """Exit code, what was printed, and both together."""
    result = CliRunner().invoke(cli.main, [command, "--config", str(folder / "lake.yaml"), *options])
    return result.exit_code, result.stdout, result.output


def become_deployer(cloud: LocalCloud, folder: Path) -> None:
    """From now on the credentials are those of a user with the printed policy alone."""
    code, policy, output = invoke(folder, "policy", "--for", "deployer", "--region", "us-east-1", *_IN_BUCKET)
    if code:
        raise click.ClickException(output)
    click.echo("\n".join(line for line in output.splitlines() if line.startswith("deployer:")))
    calling = Calling(cloud=cloud, made={})
    keys = calling.user(name=_USER)
    calling.root("iam").put_user_policy(UserName=_USER, PolicyName="own", PolicyDocument=policy)
    os.environ |= {"AWS_ACCESS_KEY_ID": keys["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": keys["SecretAccessKey"]}


def deploy(folder: Path) -> None:
    """Every step; ClickException with the command's output where one does not end as it should."""
    for options, expected, words in _STEPS:
        began = time.monotonic()
        code, _, output = invoke(folder, "setup", *options)
        if code != expected or words not in output:
            raise click.ClickException(f"setup {' '.join(options)} ended with {code}:\n{output[-4000:]}")
        click.echo(f"setup {' '.join(options):60} exit code {code}, {time.monotonic() - began:5.1f} s")
        if expected:
            click.echo(output.strip())


@click.command()
def main() -> None:
    """Print a line for each step; exit with 1 at the first that fails."""
    with LocalCloud({}) as cloud, tempfile.TemporaryDirectory(prefix="rds-lake-many-") as text:
        os.environ |= environment(cloud.url)
        folder = Path(text)
        (folder / "lake.yaml").write_text(LAKES[_NAME].replace(ACCOUNT, HERE), encoding="utf-8")
        cloud.clients.client("s3").create_bucket(Bucket=_TEMPLATES)
        become_deployer(cloud, folder)
        deploy(folder)
        stacks = cloud.clients.client("cloudformation").list_stacks()["StackSummaries"]
        click.echo(f"left of it: {[stack['StackStatus'] for stack in stacks]}")


if __name__ == "__main__":
    main(prog_name="python -m bench.many_sources")
