"""`rds-lake streams package --forwarder`: the ZIP file of the function that forwards outboxes on a schedule.

It contains rds-lake, lake.yaml, and the packages that rds-lake imports there: pydantic, PyYAML, and psycopg or pymysql. Lambda has
boto3. Two packages are compiled (pydantic's core, and psycopg's libpq), so the file works for one version of Python on one
processor. It is made from the packages that run this command, on Linux; or from a folder that pip filled for another platform:

    pip install --target packages --platform manylinux2014_aarch64 --python-version 3.13 --only-binary=:all: 'psycopg[binary]' …

lake.yaml is in the file: after a change of `streams:`, make the file again.
"""

from __future__ import annotations

import hashlib
import platform
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import rds_lake
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.console.streams.package import put, zipped
from rds_lake.errors import ConfigError
from rds_lake.files import write_whole
from rds_lake.infra.policy.streams.forwarder import scheduled_sources

HANDLER = "rds_lake.stages.streams.scheduled.handler"
CONFIG = "lake.yaml"
_ALWAYS = ("pydantic", "pydantic_core", "annotated_types", "typing_extensions", "typing_inspection", "yaml")
_DRIVERS = ("psycopg", "psycopg_binary", "pymysql")
_PROCESSORS = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
_COMPILED = re.compile(r"\.cpython-3(\d+)-(\w+)-linux")
# Parts that it does not need: the local cloud, Dagster, the command line, and the conversion of DynamoDB.
_LEFT_OUT = ("localcloud", "defs", "console", "demo", "convert", "infra")
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
_MOST_BYTES = 250 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """The ZIP file, and its target: `python3.11`, and `x86_64` or `arm64`."""

    body: bytes
    runtime: str
    architecture: str


def package_forwarder(
    config: LakeConfig, text: str, output: Path | None, packages: Path | None, *, say: Callable[[str], None]
) -> None:
    """Write the file, or upload it to the lake if `output` is None, and print how to deploy it.

    `text`: of lake.yaml. `packages`: a folder of packages, instead of those that run this command. ConfigError for missing packages.
    """
    made = forwarder_zip(config, text, packages)
    if output is not None:
        write_whole(output, made.body)
        say(f"{output}: {len(made.body):,} bytes, SHA-256 {hashlib.sha256(made.body).hexdigest()}")
        say(
            f"handler {HANDLER}, runtime {made.runtime}, architecture {made.architecture}, timeout 900 seconds; variable "
            f"RDS_LAKE_CONFIG: {CONFIG}"
        )
        return
    key = put(config, made.body, say=say)
    parameters = {"Code": key, "Runtime": made.runtime, "Architecture": made.architecture}
    named = {"Code": "ForwarderCodeKey", "Runtime": "ForwarderRuntime", "Architecture": "ForwarderArchitecture"}
    say("rds-lake setup " + " ".join(f"--parameter {named[name]}={value}" for name, value in parameters.items()))


def forwarder_zip(config: LakeConfig, text: str, packages: Path | None = None) -> Packed:
    """Returns the file for this lake.yaml. ConfigError if no source can be forwarded by it, or a package is missing."""
    if not scheduled_sources(config):
        raise ConfigError("no source has an outbox and `streams.secret`, so the function would have nothing to forward")
    own = Path(rds_lake.__file__).parent
    files = {file.relative_to(own.parent).as_posix(): file.read_bytes() for file in _sources(own)}
    packages_found: list[str] = []
    for file, name in _packages(packages):
        files[name] = file.read_bytes()
        packages_found.append(name)
    size = sum(map(len, files.values()))
    if size > _MOST_BYTES:
        raise ConfigError(
            f"the package has {size:,} bytes, and Lambda accepts at most {_MOST_BYTES:,}: is `--packages` the right "
            "folder?"
        )
    runtime, architecture = _made_for(packages_found)
    return Packed(body=zipped(files | {CONFIG: text.encode()}), runtime=runtime, architecture=architecture)


def _sources(home: Path) -> Iterator[Path]:
    for file in sorted(home.rglob("*.py")):
        if file.relative_to(home).parts[0] not in _LEFT_OUT:
            yield file


def _packages(folder: Path | None) -> Iterator[tuple[Path, str]]:
    """Returns the files of the packages, and their names in the ZIP file. ConfigError names all that are missing."""
    places = {name: _place(name, folder) for name in (*_ALWAYS, *_DRIVERS)}
    missing = [name for name in _ALWAYS if places[name] is None]
    if all(places[name] is None for name in ("psycopg", "pymysql")):
        missing.append("psycopg or pymysql")
    if missing:
        where = folder or "the packages that run this command"
        raise ConfigError(f"the function needs packages that are not in {where}; install them there:", missing)
    for place in filter(None, places.values()):
        root = place.parent
        files = [place] if place.is_file() else sorted(each for each in place.rglob("*") if each.is_file())
        # psycopg finds the libraries that its wheel brings in a folder beside it.
        files += sorted(each for each in root.glob(f"{place.name}.libs/*") if each.is_file())
        for file in files:
            if "__pycache__" not in file.parts and file.suffix != ".pyi":
                yield file, file.relative_to(root).as_posix()


def _place(name: str, folder: Path | None) -> Path | None:
    if folder is not None:
        return next((each for each in (folder / name, folder / f"{name}.py") if each.exists()), None)
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        return None
    origin = Path(spec.origin)
    return origin.parent if spec.submodule_search_locations else origin


def _made_for(names: Sequence[str]) -> tuple[str, str]:
    """Returns runtime and architecture of compiled files. ConfigError if Lambda does not support them, or if they differ."""
    made = {match.groups() for name in names if (match := _COMPILED.search(name))}
    foreign = [name for name in names if name.endswith((".pyd", ".dylib")) or "-darwin" in name]
    if foreign or len(made) > 1:
        raise ConfigError(
            "these packages were not compiled for Lambda's Python on Linux; fill a folder with `pip install "
            "--target FOLDER --platform manylinux2014_x86_64 --python-version 3.13 --only-binary=:all: rds-lake` and name it with "
            f"--packages: {', '.join(foreign[:3]) or sorted(made)}"
        )
    minor, machine = made.pop() if made else (str(sys.version_info.minor), platform.machine())
    return f"python3.{minor}", _PROCESSORS.get(machine.lower(), machine)
