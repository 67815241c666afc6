"""A right that is taken and given back, for the tests of what is forgotten."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from botocore.exceptions import ClientError


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A call that is allowed, what takes the right away, and what gives it back."""

    call: Callable[[], Any]
    take: Callable[[], Any]
    give: Callable[[], Any]


def ends_and_begins(change: Change) -> None:
    """Assert that a right that was used ends and begins at once."""
    for _ in range(2):
        change.call()
        change.call()
        change.take()
        for _ in range(2):
            with pytest.raises(ClientError):
                change.call()
        change.give()
    change.call()
