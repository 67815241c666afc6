"""What setup.cfg cannot say: the part that is compiled, and the addresses of the repository that builds a release.

RDS_LAKE_PURE        1: build a wheel without the compiled parser, for every system
RDS_LAKE_REPOSITORY  the repository's address; links of the README lead there, since PyPI's page has no files beside it

The compiled parser is optional: without a C compiler the installation succeeds, and DynamoDB JSON is read by pyarrow instead
(docs/decisions/0016-a-compiled-parser.md). It uses nothing of Python's C API, so that one wheel serves every Python 3.
"""

import os
import re
from configparser import ConfigParser
from pathlib import Path

from setuptools import Extension, setup

HERE = Path(__file__).parent


def readme(repository: str) -> str:
    """README.md; with absolute links to this version's files where the repository is known."""
    text = (HERE / "README.md").read_text(encoding="utf-8")
    if not repository:
        return text
    settings = ConfigParser()
    settings.read(HERE / "setup.cfg", encoding="utf-8")
    files = f"v{settings['metadata']['version']}"
    text = re.sub(r"(!\[[^]]*\])\((?!\w+:|#)([^)]+)\)", rf"\1({repository}/raw/{files}/\2)", text)
    return re.sub(r"(?<!!)(\[[^]]*\])\((?!\w+:|#)([^)]+)\)", rf"\1({repository}/blob/{files}/\2)", text)


def urls(repository: str) -> dict[str, str]:
    """The links of PyPI's page; none where the repository is not known."""
    pages = {
        "Source": "",
        "Documentation": "/tree/main/docs",
        "Changelog": "/blob/main/CHANGELOG.md",
        "Issues": "/issues",
    }
    return {name: f"{repository}{path}" for name, path in pages.items()} if repository else {}


where = os.environ.get("RDS_LAKE_REPOSITORY", "").rstrip("/")
parser = Extension(
    "rds_lake.convert._parser",
    ["rds_lake/convert/native/parser.c"],
    extra_compile_args=["-O3", "-fvisibility=hidden"],
    py_limited_api=True,
    optional=True,
)
is_pure = os.environ.get("RDS_LAKE_PURE") == "1"
setup(
    long_description=readme(where),
    project_urls=urls(where),
    ext_modules=[] if is_pure else [parser],
    options={} if is_pure else {"bdist_wheel": {"py_limited_api": "cp311"}},
)
