"""The compiled parser reads and writes no byte that is not its own: damaged chunks, with the compiler's sanitizers on."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from rds_lake.convert.local.compiled import described_as_bytes
from rds_lake.convert.local.plan import Plan
from rds_lake.convert.rules.tree import Limits
from rds_lake_tests.convert.test_compiled import learned, mutated
from rds_lake_tests.convert.test_round_trip import EXAMPLES

pytestmark = pytest.mark.exhaustive

COMPILER = shutil.which("cc")
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-g", "-O1"]
INSTALL = "no C compiler: apt-get install gcc libc6-dev"


@pytest.mark.skipif(COMPILER is None, reason=INSTALL)
@pytest.mark.parametrize("vector", [[], ["-U__SSE2__"]], ids=["as built here", "without SSE2"])
def test_no_byte_beyond_the_chunk_is_read_or_written(tmp_path: Path, vector: list[str]) -> None:
    assert COMPILER is not None
    source, program, record = Path(__file__).parent / "native" / "replay.c", tmp_path / "replay", tmp_path / "record"
    subprocess.run(
        [COMPILER, "-std=c99", "-Wall", "-Wextra", "-Werror", *SANITIZERS, *vector, source, "-o", program], check=True
    )
    chance = random.Random(11)
    with record.open("wb") as cases:
        for number in range(EXAMPLES * 20):
            schema, text = SCHEMAS[number % len(SCHEMAS)]
            chunk = mutated(text, chance, number % 5) if number else text
            cases.write(case(schema, chunk[: chance.randrange(1, len(chunk))] if number % 3 == 2 else chunk))
    told = subprocess.run([program, record], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr[-3000:]
    read = int(told.stdout.split()[0])
    assert EXAMPLES < read < EXAMPLES * 40, told.stdout


def case(plan: Plan, chunk: bytes) -> bytes:
    """One chunk for the program, with the columns to read it by."""
    columns, names, count = described_as_bytes(plan, "Item")
    return b"%d %d %d\n%s%s%s" % (count, len(names), len(chunk), columns, names, chunk)


SCHEMAS = [
    (schema.plan, text)
    for schema, text in (learned(Limits(max_depth=depth, max_keys=keys)) for depth, keys in ((3, 6), (8, 200), (1, 2)))
]
