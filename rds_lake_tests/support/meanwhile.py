"""Something that happens in the midst of a run: right before its first call that fits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rds_lake_tests.support.world import World


@contextmanager
def before_call(world: World, operation: str, place: str, act: Callable[[], object]) -> Iterator[list[str]]:
    """`act` right before the first call of S3 whose path, query or body has `place` in it; gives the calls it came before."""
    met: list[str] = []

    def look(model: Any, params: dict[str, Any], **_: Any) -> None:
        where = f"{params['url_path']} {params['query_string']} {params['body']!r}"
        if model.name == operation and not met and place in where:
            met.append(params["url_path"])
            act()

    events = world.gateways.s3.client.meta.events
    events.register("before-call.s3", look, unique_id="meanwhile")
    try:
        yield met
    finally:
        events.unregister("before-call.s3", unique_id="meanwhile")
