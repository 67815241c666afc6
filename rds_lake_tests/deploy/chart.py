"""What Dagster's chart makes of its values, as far as `deploy/kubernetes/values.yaml` uses it: their names, and dagster.yaml.

No Helm is needed for it. The names are those of the chart's own schema and templates, which a value of another name does not reach:
https://github.com/dagster-io/dagster/blob/master/helm/dagster/values.schema.json
https://github.com/dagster-io/dagster/blob/master/helm/dagster/templates/configmap-instance.yaml
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# The values that are used, by path. A value below one that ends in `*` is Kubernetes' own, or Dagster's.
_KNOWN = """
global.postgresqlSecretName serviceAccount.create serviceAccount.name
generatePostgresqlPasswordSecret telemetry.enabled additionalInstanceConfig.*
postgresql.enabled postgresql.postgresqlHost postgresql.postgresqlUsername postgresql.postgresqlDatabase
postgresql.postgresqlScheme postgresql.postgresqlParams.*
dagsterWebserver.image.repository dagsterWebserver.image.tag dagsterWebserver.image.pullPolicy
dagsterWebserver.service.type dagsterWebserver.service.port dagsterWebserver.readinessProbe.*
dagsterWebserver.podSecurityContext.* dagsterWebserver.securityContext.* dagsterWebserver.resources.*
dagster-user-deployments.enabled dagster-user-deployments.enableSubchart dagster-user-deployments.deployments
dagster-user-deployments.rbacEnabled dagster-user-deployments.serviceAccount.create dagster-user-deployments.serviceAccount.name
runLauncher.config.k8sRunLauncher.envVars
runLauncher.type runLauncher.config.k8sRunLauncher.imagePullPolicy runLauncher.config.k8sRunLauncher.loadInclusterConfig
runLauncher.config.k8sRunLauncher.failPodOnRunFailure runLauncher.config.k8sRunLauncher.runK8sConfig.containerConfig.*
runLauncher.config.k8sRunLauncher.runK8sConfig.podSpecConfig.* runLauncher.config.k8sRunLauncher.runK8sConfig.jobSpecConfig.*
computeLogManager.type computeLogManager.config.s3ComputeLogManager.bucket computeLogManager.config.s3ComputeLogManager.prefix
computeLogManager.config.s3ComputeLogManager.skipEmptyFiles computeLogManager.config.s3ComputeLogManager.uploadInterval
dagsterDaemon.enabled dagsterDaemon.image.repository dagsterDaemon.image.tag dagsterDaemon.image.pullPolicy
dagsterDaemon.runCoordinator.enabled dagsterDaemon.runCoordinator.type
dagsterDaemon.runCoordinator.config.queuedRunCoordinator.maxConcurrentRuns
dagsterDaemon.runCoordinator.config.queuedRunCoordinator.tagConcurrencyLimits
dagsterDaemon.runCoordinator.config.queuedRunCoordinator.dequeueIntervalSeconds
dagsterDaemon.runCoordinator.config.queuedRunCoordinator.dequeueUseThreads
dagsterDaemon.runCoordinator.config.queuedRunCoordinator.dequeueNumWorkers
dagsterDaemon.runMonitoring.enabled dagsterDaemon.runRetries.enabled
dagsterDaemon.sensors.useThreads dagsterDaemon.sensors.numWorkers
dagsterDaemon.schedules.useThreads dagsterDaemon.schedules.numWorkers
dagsterDaemon.podSecurityContext.* dagsterDaemon.securityContext.* dagsterDaemon.resources.*
retention.enabled retention.sensor.purgeAfterDays.* retention.schedule.purgeAfterDays.* retention.autoMaterialize.purgeAfterDays.*
"""
OF_A_DEPLOYMENT = {
    *("name", "image", "codeServerArgs", "includeConfigInLaunchedRuns", "port", "env"),
    *("podSecurityContext", "securityContext", "resources"),
}


def unknown(values: Mapping[str, Any], path: str = "") -> list[str]:
    """The paths of values that the chart does not know."""
    known, found = _KNOWN.split(), []
    for name, value in values.items():
        here = f"{path}.{name}".lstrip(".")
        if here in known or f"{here}.*" in known:
            continue
        found += unknown(value, here) if isinstance(value, Mapping) else [here]
    return found


def rendered(values: dict[str, Any]) -> dict[str, Any]:
    """The dagster.yaml that the chart writes."""
    daemon, logs = values["dagsterDaemon"], values["computeLogManager"]["config"]["s3ComputeLogManager"]
    queue = daemon["runCoordinator"]["config"]["queuedRunCoordinator"]
    assert not daemon["runMonitoring"]["enabled"], "the chart would write run_monitoring a second time"
    assert not daemon["runRetries"]["enabled"], "the chart would write run_retries a second time"
    return {
        "storage": {"postgres": {"postgres_db": _postgres(values["postgresql"])}},
        "run_launcher": {"module": "dagster_k8s", "class": "K8sRunLauncher", "config": _launcher(values)},
        "run_coordinator": {
            "module": "dagster.core.run_coordinator",
            "class": "QueuedRunCoordinator",
            "config": {_snake(name): value for name, value in queue.items()},
        },
        "compute_logs": {
            "module": "dagster_aws.s3.compute_log_manager",
            "class": "S3ComputeLogManager",
            "config": {_snake(name): value for name, value in logs.items()},
        },
        "sensors": {_snake(name): value for name, value in daemon["sensors"].items()},
        "schedules": {_snake(name): value for name, value in daemon["schedules"].items()},
        "telemetry": values["telemetry"],
        "retention": {
            _snake(name): {"purge_after_days": values["retention"][name]["purgeAfterDays"]}
            for name in ("sensor", "schedule", "autoMaterialize")
        },
        **values["additionalInstanceConfig"],
    }


def _postgres(values: dict[str, Any]) -> dict[str, Any]:
    return {
        "hostname": values["postgresqlHost"],
        "username": values["postgresqlUsername"],
        "password": {"env": "DAGSTER_PG_PASSWORD"},
        "db_name": values["postgresqlDatabase"],
        "port": 5432,
        "params": values["postgresqlParams"],
        "scheme": values["postgresqlScheme"],
    }


def _launcher(values: dict[str, Any]) -> dict[str, Any]:
    given = values["runLauncher"]["config"]["k8sRunLauncher"]
    return {
        "load_incluster_config": given["loadInclusterConfig"],
        "image_pull_policy": given["imagePullPolicy"],
        "fail_pod_on_run_failure": given["failPodOnRunFailure"],
        "service_account_name": values["serviceAccount"]["name"],
        "job_namespace": "rds-lake",
        "env_vars": given["envVars"],
        "postgres_password_secret": values["global"]["postgresqlSecretName"],
        "instance_config_map": "rds-lake-dagster-instance",
        "dagster_home": "/opt/dagster/dagster_home",
        "run_k8s_config": {_snake(name): value for name, value in given["runK8sConfig"].items()},
    }


def container_context(values: dict[str, Any]) -> dict[str, Any]:
    """What the code server tells the launcher about its runs: it stands above the launcher's own configuration."""
    subchart = values["dagster-user-deployments"]
    (code,) = subchart["deployments"]
    if not code.get("includeConfigInLaunchedRuns", {"enabled": True})["enabled"]:
        return {}
    return {
        "k8s": {
            "image_pull_policy": code["image"]["pullPolicy"],
            "env": code["env"],
            "resources": code["resources"],
            "service_account_name": subchart["serviceAccount"]["name"],
            "run_k8s_config": {"pod_spec_config": {"security_context": code["podSecurityContext"]}},
        }
    }


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
