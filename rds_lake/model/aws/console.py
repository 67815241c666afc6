"""Links to pages of AWS's console, for messages.

The console's host depends on the partition of the Region
(https://docs.aws.amazon.com/awsconsolehelpdocs/latest/gsg/select-region.html, and AWS's pages on its other partitions).
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlsplit

_HOSTS = {"cn-": "console.amazonaws.cn", "us-gov-": "console.amazonaws-us-gov.com"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The console of one Region."""

    region: str

    @property
    def _host(self) -> str:
        other = next((host for prefix, host in _HOSTS.items() if self.region.startswith(prefix)), None)
        return f"https://{other or f'{self.region}.console.aws.amazon.com'}"

    def folder(self, location: str) -> str:
        """Returns the address of the page of `s3://bucket/folder`."""
        parts = urlsplit(location)
        prefix = quote(parts.path.strip("/") + "/", safe="")
        return f"{self._host}/s3/buckets/{parts.netloc}?region={self.region}&prefix={prefix}"

    @property
    def query_editor(self) -> str:
        """Returns the address of Athena's editor; AWS documents no address of a single table or query."""
        return f"{self._host}/athena/home?region={self.region}#/query-editor"


def console_of(*, endpoint: str, region: str | None) -> Console | None:
    """Returns the console of the Region; None if requests go to an endpoint that is not AWS, such as a local cloud."""
    host = urlsplit(endpoint).hostname or ""
    is_aws = host.endswith((".amazonaws.com", ".amazonaws.com.cn"))
    return Console(region=region) if is_aws and region else None
