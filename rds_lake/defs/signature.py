"""Caches the signature of a step's function.

Dagster reads the signature of every step's function about fifteen times while a code location loads, and Python computes it
each time. With `__signature__` it is only looked up (https://docs.python.org/3/library/inspect.html#inspect.signature).
"""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

Step = TypeVar("Step", bound=Callable[..., Any])


def signed(step: Step) -> Step:
    """Returns the function itself with its signature cached. It must be the innermost decorator, below Dagster's."""
    vars(step)["__signature__"] = inspect.signature(step)
    return step
