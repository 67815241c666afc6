"""Arguments that several commands have. Imports neither pydantic nor YAML, because every `--help` would wait for them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from rds_lake.config.lake_yaml import LakeConfig

Command = TypeVar("Command", bound="Callable[..., Any]")
FILE = click.Path(dir_okay=False, path_type=Path)
DAY = click.DateTime(["%Y-%m-%d"])
FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)
# The roles whose policies `rds-lake policy` prints.
WHOSE = (
    "pipeline",
    "readers",
    "export-role",
    "job-role",
    "function-role",
    "stream-role",
    "caller-role",
    "deployer",
    "doctor",
)
config_option = click.option(
    "--config",
    "config_path",
    type=FILE,
    envvar="RDS_LAKE_CONFIG",
    default="lake.yaml",
    show_default=True,
    help="Path of lake.yaml.",
    is_eager=True,  # `_given` looks at it
)


def _given(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    if path is None:
        return
    written = context.get_parameter_source("config_path") is click.core.ParameterSource.COMMANDLINE
    if written and context.params["config_path"] != path:
        raise click.UsageError(
            f"lake.yaml is given twice: {path} and --config {context.params['config_path']}; leave one out"
        )
    context.params["config_path"] = path


# For commands without arguments of their own, where a file can only be this one.
lake_argument = click.argument(
    "lake_yaml", type=FILE, required=False, expose_value=False, callback=_given, metavar="[LAKE_YAML]"
)


def lake_parameters(command: Command) -> Command:
    """Adds `--config` to a command, and `lake_argument`."""
    return lake_argument(config_option(command))


def _region(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    if text is not None:
        from rds_lake.config.lake import known_regions
        from rds_lake.model.aws.regions import region_problem

        if problem := region_problem(text, known_regions()):
            raise click.BadParameter(problem)
    return text


def _account(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    if text is not None and not re.fullmatch(r"[0-9]{12}", text):
        raise click.BadParameter(f"{text!r} is not the number of an AWS account, which has 12 digits")
    return text


account_option = click.option(
    "--account",
    callback=_account,
    help="Account in the ARNs. Default: that of lake.yaml's roles, or of the credentials.",
)


def region_option(what: str) -> Callable[[Command], Command]:
    """Returns the option `--region` of a command, which refuses what cannot be a Region. `what`: its help."""
    return click.option("--region", callback=_region, help=what)


def load_config(path: Path) -> LakeConfig:
    """`config.lake_yaml.load_config`, imported when a command needs it."""
    from rds_lake.config.lake_yaml import load_config as load

    return load(path)


def is_wide() -> bool:
    """Whether the output is a file or a pipe, for which rich would assume 80 columns, and no width was set."""
    return not sys.stdout.isatty() and "COLUMNS" not in os.environ
