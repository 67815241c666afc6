"""Read-only calls of AWS: the same call is made only once, and its answer is kept.

    answers.ask("sqs", "get_queue_url", about="acme-events", missing=("QueueDoesNotExist",), QueueName="acme-events")

What belongs here: the calls. `infra/doctor/` interprets the answers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError, RdsLakeError

# Operations with other prefixes are refused.
_QUESTIONS = ("get_", "list_", "describe_", "head_")


class Answers:
    """Answers for any thread. The same call is made once; if it fails, every later request for it raises the same error."""

    def __init__(self, open_clients: Callable[[], AwsClients]) -> None:
        """`open_clients` is called for each call; its errors are those of `aws/session.py`."""
        self._open = open_clients
        self._kept: dict[str, Future[Any]] = {}
        self._lock = threading.Lock()

    @property
    def region(self) -> str:
        """The Region of the calls."""
        return self._open().s3.meta.region_name

    def ask(self, service: str, operation: str, *, about: str = "", missing: tuple[str, ...] = (), **asked: Any) -> Any:
        """Returns the answer, or None if AWS refuses with a code of `missing`. Other errors: `aws_errors`."""

        def call() -> Any:
            client = self._open().client(service)
            with aws_errors(service, client.meta.method_to_api_mapping[operation], about=about):
                return getattr(client, operation)(**asked)

        return self._once((service, operation, asked), missing, call)

    def pages(
        self, service: str, operation: str, items: str, *, about: str = "", missing: tuple[str, ...] = (), **asked: Any
    ) -> Any:
        """Returns all items of a paged list, or None as `ask` does."""

        def call() -> Any:
            client = self._open().client(service)
            with aws_errors(service, client.meta.method_to_api_mapping[operation], about=about):
                pages = client.get_paginator(operation).paginate(**asked)
                return [item for page in pages for item in page.get(items, ())]

        return self._once((service, operation, asked), missing, call)

    def _once(
        self, question: tuple[str, str, Mapping[str, Any]], missing: tuple[str, ...], call: Callable[[], Any]
    ) -> Any:
        if not question[1].startswith(_QUESTIONS):
            raise ValueError(f"{question[0]}.{question[1]} may change something, so it is not called here")
        name = repr(question)
        with self._lock:
            kept, first = self._kept.get(name), name not in self._kept
            if kept is None:
                kept = self._kept[name] = Future()
        if first:
            try:
                kept.set_result(call())
            except RdsLakeError as error:
                kept.set_exception(error)
            except BaseException as error:
                kept.set_exception(error)
                raise
        try:
            return kept.result()
        except AwsError as error:
            if error.code in missing:
                return None
            raise
