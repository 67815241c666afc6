"""The package as people install it: built once per session of tests, in an environment that has no checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

_BUILD = (
    "import sys, json; from setuptools import build_meta as b; print(json.dumps(getattr(b, sys.argv[1])(sys.argv[2])))"
)
_SOURCES = (
    "setup.py",
    "setup.cfg",
    "pyproject.toml",
    "MANIFEST.in",
    "README.md",
    "CHANGELOG.md",
    "LICENSE",
    "constraints.txt",
)
_PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """An environment with the wheel and nothing else of ours; `wheel` and `sdist` are what was built."""

    python: Path
    wheel: Path
    sdist: Path

    @property
    def rds_lake(self) -> str:
        return str(self.python.parent / "rds-lake")


def install_once(root: Path, shared: Path) -> Installed:
    """Build and install under `shared`, which all workers of a session have; who comes later waits for the first.

    The environment sees the packages that this one has, so that nothing but setuptools is fetched.
    """
    with FileLock(shared / "wheel.lock"):
        made = shared / "wheel.json"
        if not made.exists():
            made.write_text(json.dumps(_install(root, shared / "wheel")), encoding="utf-8")
        paths = json.loads(made.read_text(encoding="utf-8"))
    return Installed(**{name: Path(path) for name, path in paths.items()})


def build(what: str, source: Path, out: Path, tools: Path, **variables: str) -> Path:
    """Build `build_sdist` or `build_wheel` of the folder, as pip and PyPA's build do it."""
    out.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", _BUILD, what, str(out)],
        cwd=source,
        env={**os.environ, "PYTHONPATH": str(tools), "PYTHONDONTWRITEBYTECODE": "1", **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return out / json.loads(done.stdout.splitlines()[-1])


def _install(root: Path, folder: Path) -> dict[str, str]:
    source, tools, venv = folder / "source", folder / "tools", folder / "venv"
    shutil.copytree(root / "rds_lake", source / "rds_lake", ignore=shutil.ignore_patterns("__pycache__", "*.so"))
    for name in _SOURCES:
        shutil.copy(root / name, source / name)
    subprocess.run([*_PIP, "install", "--target", str(tools), "setuptools>=77"], check=True, timeout=300)
    sdist = build("build_sdist", source, folder / "dist", tools)
    shutil.unpack_archive(sdist, folder / "unpacked", filter="data")
    (unpacked,) = folder.joinpath("unpacked").iterdir()
    wheel = build("build_wheel", unpacked, folder / "dist", tools, RDS_LAKE_PURE="1")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True, timeout=100)
    python = venv / "bin" / "python"
    _see_packages(venv)
    subprocess.run(
        [*_PIP, "--python", str(python), "install", "--no-deps", "--no-compile", str(wheel)], check=True, timeout=100
    )
    return {"python": str(python), "wheel": str(wheel), "sdist": str(sdist)}


def _see_packages(venv: Path) -> None:
    """The packages of this environment, behind the venv's own, and Dagster's commands, which `rds-lake demo` starts.

    What `pip install --editable` wrote there is not read again.
    """
    (packages,) = venv.glob("lib/python*/site-packages")
    ours = [path for path in sys.path if Path(path).name == "site-packages"]
    packages.joinpath("packages.pth").write_text("\n".join(ours) + "\n", encoding="utf-8")
    for script in Path(sys.executable).parent.glob("dagster*"):
        _, _, rest = script.read_text(encoding="utf-8").partition("\n")
        own = venv / "bin" / script.name
        own.write_text(f"#!{venv / 'bin' / 'python'}\n{rest}", encoding="utf-8")
        own.chmod(0o755)
