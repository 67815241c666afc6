"""Dagster's failures for the report."""

from datetime import datetime

import dagster as dg

from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.defs.failed.checks import failed_checks
from rds_lake.defs.failed.runs import failed_runs
from rds_lake.stages.report.values import KnownFailures


def known_failures(instance: dg.DagsterInstance, config: LakeConfig, *, now: datetime) -> KnownFailures:
    """Returns failed runs and checks of the last seven days, as sentences."""
    runs, checks = failed_runs(instance, config, now=now), failed_checks(instance, config, now=now)
    return KnownFailures(
        was_asked=True,
        failed_runs={source: [str(run) for run in failed] for source, failed in runs.items()},
        failed_checks={source: [str(check) for check in failed if check.severe] for source, failed in checks.items()},
        warned_checks={
            source: [str(check) for check in failed if not check.severe] for source, failed in checks.items()
        },
    )
