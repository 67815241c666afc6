"""The commands of `rds-lake`, one file each: what they show a person. Rules are in `stages/`, arguments in `cli.py`."""

from __future__ import annotations

from pathlib import Path

import click

from rds_lake.config.lake_yaml import CONFIG_FILE

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="RDS_LAKE_CONFIG",
    default=CONFIG_FILE,
    show_default=True,
    help="Path of lake.yaml.",
)
