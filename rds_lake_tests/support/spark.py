"""A Spark session on this machine, for tests that need one; the tests are skipped where Spark or Java is missing.

What belongs here: the session. What the job does with it is tested in `convert/`.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import pytest

HAS_SPARK = find_spec("pyspark") is not None and bool(os.environ.get("JAVA_HOME") or shutil.which("java"))
needs_spark = pytest.mark.skipif(
    not HAS_SPARK,
    reason="no Spark: pip install -c constraints.txt -e '.[spark]' && apt-get install -y default-jre-headless",
)

leaves_sockets_open = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # pyspark does


@contextmanager
def spark_session() -> Iterator[Any]:
    """A small session; starting one takes ten seconds, so a module shares it."""
    from pyspark.sql import SparkSession  # pyright: ignore[reportMissingImports]

    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.memory": "1g",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -Xshare:auto",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.codegen.wholeStage": "false",  # compiling costs more than these few rows
        "spark.ui.showConsoleProgress": "false",
    }
    builder: Any = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    session = builder.master("local[2]").getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    try:
        yield session
    finally:
        session.stop()
        with warnings.catch_warnings():  # pyspark leaves its sockets open
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()
