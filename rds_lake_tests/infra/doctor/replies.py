"""AWS's answers about a healthy account, kept, and some of them replaced: nothing is asked again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rds_lake.aws.account.answers import Answers

Replace = Callable[[str, str, dict[str, Any], Any], Any]
"""Service, operation, parameters, and how AWS answered -> how it answers now."""


class Replies(Answers):
    """Of each question the first answer is AWS's, and `replace` may give another."""

    def __init__(self, kept: Answers) -> None:
        self._healthy = kept
        self.replace: Replace = lambda service, operation, asked, answer: answer
        self.asked: set[tuple[str, str]] = set()
        self.at = datetime.now(UTC)  # STS's answer has a date, which is compared with that of now

    @property
    def region(self) -> str:
        return self._healthy.region

    def ask(self, service: str, operation: str, **asked: Any) -> Any:
        return self._reply(service, operation, asked, lambda: self._healthy.ask(service, operation, **asked))

    def pages(self, service: str, operation: str, items: str, **asked: Any) -> Any:
        return self._reply(service, operation, asked, lambda: self._healthy.pages(service, operation, items, **asked))

    def _reply(self, service: str, operation: str, asked: dict[str, Any], call: Callable[[], Any]) -> Any:
        self.asked.add((service, operation))
        return self.replace(service, operation, asked, call())
