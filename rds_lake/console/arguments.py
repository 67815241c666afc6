"""Arguments that several commands have. Imports neither pydantic nor YAML, because every `--help` would wait for them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from rds_lake.config.lake_yaml import LakeConfig

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
    is_eager=True,  # `lake_argument` looks at it
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


def load_config(path: Path) -> LakeConfig:
    """`config.lake_yaml.load_config`, imported when a command needs it."""
    from rds_lake.config.lake_yaml import load_config as load

    return load(path)


def is_wide() -> bool:
    """Whether the output is a file or a pipe, for which rich would assume 80 columns, and no width was set."""
    return not sys.stdout.isatty() and "COLUMNS" not in os.environ
