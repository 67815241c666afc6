"""The image and its containers are closed: no root, no shell, no open port, nothing of the folder that nobody asked for."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from rds_lake_tests.deploy.chart import OF_A_DEPLOYMENT


@pytest.fixture(scope="module")
def dockerfile(root: Path) -> str:
    return (root / "deploy" / "Dockerfile").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def services(root: Path) -> dict[str, Any]:
    text = (root / "deploy" / "compose" / "compose.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["services"]


def test_the_image_runs_as_a_user_who_owns_no_code(dockerfile: str) -> None:
    *_, final = re.split(r"^FROM ", dockerfile, flags=re.MULTILINE)
    assert re.findall(r"^USER (\S+)", final, re.MULTILINE) == ["10001:10001"]
    (owned,) = re.findall(r"chown 10001:10001 (.*)$", final, re.MULTILINE)
    assert owned.split() == ["logs", "dagster_home/logs", "dagster_home/.logs_queue"]


def test_what_the_image_copies_is_not_ignored_and_all_else_is(dockerfile: str, deploy: Path) -> None:
    lines = (deploy / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    ignored, *let_in = [line for line in lines if not line.startswith("#")]
    assert ignored == "*"
    copied = {
        word.split("[")[0]
        for line in re.findall(r"^COPY (?!--)(.*) \S+$", dockerfile, re.MULTILINE)
        for word in line.split()
    }
    tops = {"deploy" if word.startswith("deploy/") else word for word in copied}
    assert tops == {"lake.yaml", "constraints.tx", "wheel", "tables", "*.py", "deploy"}
    assert set(let_in) == {
        *("!lake.yaml", "!constraints.txt", "!wheels", "!tables", "!*.py", "!deploy/compose", "!deploy/ecs"),
    }


def test_the_services_write_nowhere_but_in_their_volumes_and_open_the_ui_to_this_machine_alone(
    services: dict[str, Any],
) -> None:
    for name in ("code", "webserver", "daemon"):
        assert (services[name]["read_only"], services[name]["cap_drop"]) == (True, ["ALL"])
    assert {name: service["ports"] for name, service in services.items() if "ports" in service} == {
        "webserver": ["127.0.0.1:3000:3000"]
    }


def test_no_password_is_written_down(services: dict[str, Any]) -> None:
    passwords = {
        value
        for service in services.values()
        for variable, value in service["environment"].items()
        if "PASSWORD" in variable
    }
    assert passwords == {"${DAGSTER_PG_PASSWORD:?write it into .env}"}


def test_pods_have_no_privileges_and_webserver_daemon_and_code_are_one_image(deploy: Path) -> None:
    values = yaml.safe_load((deploy / "kubernetes" / "values.yaml").read_text(encoding="utf-8"))
    (code,) = values["dagster-user-deployments"]["deployments"]
    assert set(code) <= OF_A_DEPLOYMENT
    for pod in (code, values["dagsterWebserver"], values["dagsterDaemon"]):
        assert pod["image"] == code["image"]
        assert pod["podSecurityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert values["dagsterWebserver"]["service"]["port"] > 1023
