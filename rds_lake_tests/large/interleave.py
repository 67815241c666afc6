"""Two stages at once, one AWS call at a time, in orders that seeds decide: does anything get lost, mixed or paid twice?

    python -m bench.interleave [--rounds 200] [--seed 1000] [--pair rollback-prune]

Every pair of `pairs.py`, `diff_lab.py`, `dynamo_pairs.py` and `warehouse/pairs.py` in `rds_lake_tests/turnstile/`; half of the
rounds kill one of the two (nothing of it reaches AWS any more). Prints what broke, with the seed that shows it again; exit code 1 when
anything did.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

import click

import rds_lake_tests.fixtures  # noqa: F401 - before any client: no call may reach a real account
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.localcloud.databases.embedded import EmbeddedPostgres
from rds_lake.localcloud.dynamodb.job import DynamoDbSettings
from rds_lake.localcloud.rds.export import ExportSettings
from rds_lake_tests.support.world import World, seed_tiny
from rds_lake_tests.turnstile.diff_lab import DIFF_PAIRS, DiffLab
from rds_lake_tests.turnstile.dynamo_lab import DynamoLab
from rds_lake_tests.turnstile.dynamo_pairs import DYNAMO_PAIRS
from rds_lake_tests.turnstile.lab import Lab
from rds_lake_tests.turnstile.pairs import PAIRS, Outcome, Rounds
from rds_lake_tests.turnstile.warehouse.lab import WarehouseLab
from rds_lake_tests.turnstile.warehouse.pairs import WAREHOUSE_PAIRS, WarehouseRounds

ROOT = Path(__file__).parents[2]
_SHOWN = 5  # broken rounds of a pair in full


class _Player(Protocol):
    """Plays a round of a pair of its own kind, in an order that the seed decides."""

    def play(self, pair: Any, seed: int) -> Outcome: ...


@click.command()
@click.option("--rounds", default=200, show_default=True, help="Of each pair.")
@click.option("--seed", default=1000, show_default=True, help="The first round's.")
@click.option(
    "--pair",
    "names",
    multiple=True,
    type=click.Choice(sorted({*PAIRS, *DIFF_PAIRS, *DYNAMO_PAIRS, *WAREHOUSE_PAIRS})),
    help="Only these; default: all.",
)
def main(rounds: int, seed: int, names: tuple[str, ...]) -> None:
    """Play the rounds and judge them."""
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="rds-lake-interleave-")))
        url = stack.enter_context(EmbeddedPostgres()).create_database("shop")
        seed_tiny(url)
        settings = ExportSettings(starting_seconds=0.0, progress_seconds=0.0)
        at_once = DynamoDbSettings(progress_seconds=0.0, finishing_seconds=0.0)
        cloud = stack.enter_context(LocalCloud({"shop-prod": url}, exports=settings, dynamodb=at_once))
        broken = 0
        for make, pairs in ((Lab, PAIRS), (DiffLab, DIFF_PAIRS), (DynamoLab.of, DYNAMO_PAIRS)):
            chosen = [pair for name, pair in pairs.items() if not names or name in names]
            if not chosen:
                continue
            cloud.reset()
            lab = make(World.provisioned(cloud, url=url, directory=work, root=ROOT))
            lab.prepare()
            player = Rounds.of(lab)
            broken += sum(play_pair(player, pair, rounds, seed) for pair in chosen)
        turns = [pair for name, pair in WAREHOUSE_PAIRS.items() if not names or name in names]
        if turns:
            warehouse = WarehouseRounds(WarehouseLab.of(cloud))
            broken += sum(play_pair(warehouse, pair, rounds, seed) for pair in turns)
    click.echo(f"{broken} broken rounds")
    sys.exit(1 if broken else 0)


def play_pair(player: _Player, pair: Any, rounds: int, seed: int) -> int:
    """How many rounds of the pair broke an invariant."""
    began, killed, broken = time.monotonic(), 0, 0
    errors: Counter[str] = Counter()
    for number in range(seed, seed + rounds):
        outcome = player.play(pair, number)
        killed += bool(outcome.killed)
        errors.update(outcome.errors.values())
        if outcome.problems:
            broken += 1
            if broken <= _SHOWN:
                click.echo(f"  {pair.name} --seed {number}, killed {', '.join(outcome.killed) or 'neither'}:")
                for line in (*outcome.problems, *(f"{name} ended: {text}" for name, text in outcome.errors.items())):
                    click.echo(f"    {line}")
    seconds = time.monotonic() - began
    click.echo(
        f"{pair.name}: {broken} of {rounds} rounds broken, {killed} with a death, {seconds / rounds:.2f} s a round"
    )
    for text, count in errors.most_common(3):
        click.echo(f"    {count:4} x {text.splitlines()[0][:160]}")
    return broken


if __name__ == "__main__":
    main(prog_name="python -m bench.interleave")
