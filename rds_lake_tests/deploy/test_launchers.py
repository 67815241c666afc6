"""What Dagster's own launchers do with our settings: the calls that they make, and the pods that they ask for."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import boto3
import dagster as dg
import pytest
import yaml

from rds_lake.localcloud.cloud import LocalCloud
from rds_lake_tests.deploy.chart import container_context, rendered

_IMAGE = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/rds-lake:1"
needs_launchers = pytest.mark.skipif(
    importlib.util.find_spec("dagster_k8s") is None,
    reason="needs dagster-k8s and dagster-aws: pip install 'rds-lake[deploy,kubernetes]'",
)


def instance_with(launcher: dict[str, Any], folder: Path) -> dg.DagsterInstance:
    (folder / "dagster.yaml").write_text(yaml.safe_dump({"run_launcher": launcher}), encoding="utf-8")
    return dg.DagsterInstance.from_config(str(folder))


@dg.job
def nothing() -> None:
    """What is launched, and never runs."""


def launched(instance: dg.DagsterInstance, context: dict[str, Any] | None = None) -> dg.DagsterRun:
    """A run that was launched, of a code location in our image. `context`: what that location says about its runs."""
    origin = dg.reconstructable(nothing).get_python_origin()
    repository = origin.repository_origin._replace(container_image=_IMAGE, container_context=context or {})
    run = instance.create_run_for_job(nothing, job_code_origin=origin._replace(repository_origin=repository))
    instance.launch_run(run.run_id, workspace=None)  # type: ignore[arg-type] - neither launcher asks for it
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found


# --- ECS ------------------------------------------------------------------------------------------------------------------------
@pytest.fixture
def ecs(
    cloud: LocalCloud, deploy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[dg.DagsterInstance]:
    """The daemon's instance by `deploy/ecs/dagster.yaml`, in a task of a cluster, with the stack's definition of a run."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", cloud.url)
    monkeypatch.setenv("RDS_LAKE_RUN_TASK", "rds-lake-dagster-run")
    here, network = boto3.client("ecs"), boto3.client("ec2")
    cluster = here.create_cluster(clusterName="rds-lake-dagster")["cluster"]["clusterArn"]
    logs = {"awslogs-group": "rds-lake-dagster", "awslogs-region": "us-east-1", "awslogs-stream-prefix": "dagster"}
    for name in ("run", "daemon"):
        here.register_task_definition(
            family=f"rds-lake-dagster-{name}",
            networkMode="awsvpc",
            requiresCompatibilities=["FARGATE"],
            cpu="512",
            memory="2048",
            containerDefinitions=[
                {
                    "name": name,
                    "image": _IMAGE,
                    "memory": 2048,
                    "logConfiguration": {"logDriver": "awslogs", "options": logs},
                }
            ],
        )
    vpc = network.create_vpc(CidrBlock="10.7.0.0/16")["Vpc"]["VpcId"]
    network.modify_vpc_attribute(VpcId=vpc, EnableDnsHostnames={"Value": True})  # moto breaks on a task without
    subnet = network.create_subnet(VpcId=vpc, CidrBlock="10.7.0.0/24")["Subnet"]["SubnetId"]
    group = network.create_security_group(VpcId=vpc, GroupName="tasks", Description="tasks")["GroupId"]
    task = here.run_task(
        cluster=cluster,
        taskDefinition="rds-lake-dagster-daemon",
        launchType="FARGATE",
        networkConfiguration={"awsvpcConfiguration": {"subnets": [subnet], "securityGroups": [group]}},
    )["tasks"][0]["taskArn"]
    from dagster_aws.ecs import launcher
    from dagster_aws.ecs.tasks import CurrentEcsTaskMetadata

    metadata = CurrentEcsTaskMetadata(cluster=cluster, task_arn=task)
    monkeypatch.setattr(launcher, "get_current_ecs_task_metadata", lambda: metadata)
    settings = yaml.safe_load((deploy / "ecs" / "dagster.yaml").read_text(encoding="utf-8"))
    with instance_with(settings["run_launcher"], tmp_path) as instance:
        yield instance


def allowed_of_control(root: Path) -> list[str]:
    decode = pytest.importorskip("cfnlint.decode.cfn_yaml")
    template = decode.loads((root / "deploy" / "ecs" / "stack.yaml").read_text(encoding="utf-8"))
    policies = template["Resources"]["ControlRole"]["Properties"]["Policies"]
    statements = [one for policy in policies for one in policy["PolicyDocument"]["Statement"]]
    actions = [one["Action"] for one in statements if one["Effect"] == "Allow"]
    return [action for some in actions for action in ([some] if isinstance(some, str) else some)]


@needs_launchers
def test_the_daemons_role_on_ecs_may_make_every_call_of_the_launcher(ecs: dg.DagsterInstance, root: Path) -> None:
    """Starting a run, looking after one that runs and one whose task has stopped, and stopping one."""
    launcher: Any = ecs.run_launcher
    made: set[str] = set()
    for client in (launcher.ecs, launcher.ec2.meta.client, launcher.secrets_manager, launcher.logs):
        service = client.meta.service_model.service_name
        client.meta.events.register(
            "before-call", lambda model, service=service, **_: made.add(f"{service}:{model.name}")
        )
    run = launched(ecs)
    launcher.check_run_worker_health(run)
    task = run.tags["ecs/task_arn"]
    boto3.client("ecs").stop_task(cluster=run.tags["ecs/cluster"], task=task)
    launcher.check_run_worker_health(run)
    launcher.terminate(launched(ecs).run_id)
    assert {"ecs:RunTask", "ecs:DescribeTasks", "ecs:StopTask", "ec2:DescribeNetworkInterfaces"} <= made
    allowed = allowed_of_control(root)
    assert [call for call in sorted(made) if not any(fnmatch(call, action) for action in allowed)] == []


# --- Kubernetes -----------------------------------------------------------------------------------------------------------------
class Batch:
    """Kubernetes' API of jobs, which keeps what it is asked to create."""

    def __init__(self) -> None:
        self.created: list[Any] = []

    def create_namespaced_job(self, *, body: Any, namespace: str, **_: Any) -> Any:
        assert namespace == "rds-lake"
        self.created.append(body)
        return body


@needs_launchers
def test_a_run_on_kubernetes_is_what_the_values_say_of_runs_and_has_the_code_servers_variables(
    deploy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what they say of the code server: half as much memory would end a conversion."""
    import kubernetes
    from dagster_k8s.client import DagsterKubernetesClient

    values = yaml.safe_load((deploy / "kubernetes" / "values.yaml").read_text(encoding="utf-8"))
    monkeypatch.setattr("kubernetes.config.load_incluster_config", lambda: None)
    batch: Any = Batch()
    client = DagsterKubernetesClient.production_client(batch_api_override=batch)
    monkeypatch.setattr(DagsterKubernetesClient, "production_client", lambda *_, **__: client)
    with instance_with(rendered(values)["run_launcher"], tmp_path) as instance:
        launched(instance, container_context(values))
    jobs: list[Any] = [kubernetes.client.ApiClient().sanitize_for_serialization(body) for body in batch.created]
    (job,) = jobs
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    (code,) = values["dagster-user-deployments"]["deployments"]
    told = values["runLauncher"]["config"]["k8sRunLauncher"]["runK8sConfig"]
    assert container["resources"] == told["containerConfig"]["resources"] != code["resources"]
    assert container["image"] == _IMAGE
    assert [one for one in code["env"] if one not in container["env"]] == []
    assert pod["serviceAccountName"] == values["dagster-user-deployments"]["serviceAccount"]["name"]
    assert container["securityContext"] == told["containerConfig"]["securityContext"]
    assert pod["securityContext"] == told["podSpecConfig"]["securityContext"]
    assert job["spec"]["ttlSecondsAfterFinished"] == told["jobSpecConfig"]["ttlSecondsAfterFinished"]


def test_webserver_and_daemon_on_kubernetes_are_not_the_pipelines_role(deploy: Path) -> None:
    """Each pod is the role of its service account: the UI, which has no login, must see nothing of the lake."""
    values = yaml.safe_load((deploy / "kubernetes" / "values.yaml").read_text(encoding="utf-8"))
    subchart = values["dagster-user-deployments"]
    assert "serviceAccountName" not in values["global"]  # it would stand above both
    assert values["serviceAccount"]["name"] != subchart["serviceAccount"]["name"]
    assert not subchart["rbacEnabled"]
