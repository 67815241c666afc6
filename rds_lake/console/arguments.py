"""Arguments that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

from rds_lake.config.lake_yaml import CONFIG_FILE

FILE = click.Path(dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, exists=True, path_type=Path)
config_option = click.option(
    "--config",
    "config_path",
    type=FILE,
    envvar="RDS_LAKE_CONFIG",
    default=CONFIG_FILE,
    show_default=True,
    help="Path of lake.yaml.",
)
