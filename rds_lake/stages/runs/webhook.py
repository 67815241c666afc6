"""Sends messages to a chat by HTTP: JSON with `text`, in the format of Slack's incoming webhooks, which many chats accept.

https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks: the URL is secret, so no error contains it.

What belongs here: sending. The text is `notify.py`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from urllib.error import HTTPError, URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from rds_lake.errors import UnavailableError
from rds_lake.threads import cancelling_threads

_SECONDS = 5
_PAUSES = (1.0, 2.0)  # three tries: together with their time-outs, less than half of a sensor's time limit
_CHARACTERS = 30_000  # Slack truncates at 40,000


class _NoRedirects(HTTPRedirectHandler):
    """A redirected POST would become a GET, which any page takes."""

    def redirect_request(self, *_: object) -> None:  # type: ignore[override]
        return None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Webhook:
    """One URL. `sleep` takes seconds."""

    url: str
    sleep: Callable[[float], None] = time.sleep
    timeout_seconds: float = _SECONDS

    def publish(self, *, subject: str, message: str) -> None:
        """Sends one message. After three failures raises UnavailableError with the reason, without the URL."""
        text = f"*{_plain(subject)}*\n{_plain(message)}"
        body = json.dumps({"text": text if len(text) <= _CHARACTERS else text[:_CHARACTERS] + "\n… (cut)"}).encode()
        reason = self._try(body)
        for pause in _PAUSES:
            if reason is None:
                return
            self.sleep(pause)
            reason = self._try(body)
        if reason is not None:
            raise UnavailableError(
                f"the webhook in lake.yaml did not accept the message {subject!r}: {reason}; check that `notify: webhook:` is "
                "still the URL of the chat"
            )

    def _try(self, body: bytes) -> str | None:
        """Returns why it failed; None if it was accepted."""
        try:
            # In a thread, since a socket's time-out is for one address and one read: the name may have several addresses, and a
            # server may send a byte at a time. The thread then ends by itself, later.
            with cancelling_threads(1, "webhook", patience=0) as pool:
                return pool.submit(self._post, body).result(self.timeout_seconds)
        except TimeoutError:
            return self._silent()

    def _post(self, body: bytes) -> str | None:
        """As `_try`, without a limit of the whole time. Python's error text is not used, since it may contain the URL."""
        try:
            request = Request(self.url, body, {"Content-Type": "application/json"})  # noqa: S310 - lake.yaml allows http and https
            with build_opener(_NoRedirects).open(request, timeout=self.timeout_seconds):
                return None
        except HTTPError as error:
            with error:
                return f"it answered HTTP {error.code}"
        except TimeoutError:
            return self._silent()
        except URLError as error:
            return f"it could not be reached ({type(error.reason).__name__})"
        except (OSError, ValueError, HTTPException) as error:
            return f"it could not be reached ({type(error).__name__})"

    def _silent(self) -> str:
        return f"no answer within {self.timeout_seconds:g} s"


def _plain(text: str) -> str:
    """Escapes the three characters that Slack's markup uses."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
