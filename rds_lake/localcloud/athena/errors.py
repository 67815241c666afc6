"""A failed query, in Athena's words.

What belongs here: the error and its codes.
"""

from __future__ import annotations


class QueryFailedError(Exception):
    """`CODE: message`, as StateChangeReason says it; category 2 is the user's fault, 1 the system's."""

    def __init__(self, code: str, message: str, *, category: int = 2) -> None:
        super().__init__(f"{code}: {message}")
        self.category = category
