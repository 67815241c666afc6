"""The example on this machine, both ways: a MariaDB for Aurora MySQL, and AWS by the local cloud. `make demo-streams` runs it.

python examples/streams-flights/run.py [lambda | outbox]
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import run_lambda
import run_outbox

STORIES: dict[str, Callable[[Callable[[str], None]], list[str]]] = {
    "lambda": run_lambda.story,
    "outbox": run_outbox.story,
}


def main(chosen: list[str], say: Callable[[str], None] = print) -> None:
    """Tell the chosen stories, or both."""
    logging.getLogger("dagster").setLevel(logging.ERROR)  # what the runs say is a page for each
    for name in chosen or STORIES:
        say(f"\n==== capture: {name} ====\n")
        STORIES[name](say)


if __name__ == "__main__":
    main(sys.argv[1:])
