"""Thousands of small S3 requests, as fast as S3 allows: one event loop, with connections that stay open.

boto3 needs 1.7 ms of Python per request, so no number of threads makes more than 600 a second (docs/decisions/0010).
Here a request is one signature and one write, and its answer is parsed in C. Only plain answers are handled: for anything but
success or "slow down", the answer is `None`, and the caller repeats the request through boto3, which knows every error.

What belongs here: the address, the credentials and the trusted certificates. `batch.py` sends; one connection is
`connection.py`; the number of requests at once is `pace.py`. The meaning of requests and answers is in `many.py`.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any
from urllib.request import getproxies, proxy_bypass

from botocore.credentials import ReadOnlyCredentials
from botocore.httpsession import get_cert_path

from rds_lake.aws.budget import BUDGET_SECONDS
from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.batch import Batch, OnAnswer
from rds_lake.aws.s3.pace import Pace
from rds_lake.aws.s3.sign import S3Request, S3Signer
from rds_lake.errors import UnavailableError
from rds_lake.threads import cancelling_threads

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

THREADS = 512  # requests at once where they are of use (`pace.py`): at 50 ms each 256 make 5,000 a second


class Wire:
    """Sends requests to the signer's buckets, `most` at once."""

    def __init__(
        self,
        signer: S3Signer,
        *,
        most: int = THREADS,
        jitter: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
        trusted: str | None = None,
    ) -> None:
        """`trusted`: the file of trusted certificates; by default botocore's own."""
        self.signer, self.most, self._jitter, self._clock, self.trusted = signer, most, jitter, clock, trusted

    def limited(self, most: int) -> Wire:
        """Returns a wire over the same connections that sends at most this many requests at once."""
        return Wire(self.signer, most=most, jitter=self._jitter, clock=self._clock, trusted=self.trusted)

    def send_all(self, requests: Iterable[S3Request], on_answer: OnAnswer) -> Pace:
        """Send every request, and repeat it while S3 says to slow down; returns the statistics of the pace.

        `requests` is read as connections become free. `on_answer` is called in another thread, one call at a time; an error that it
        raises ends everything and is raised here. UnavailableError if S3 answers no request at all, ConfigError if its certificate is
        not trusted or credentials cannot be renewed.
        """
        batch = Batch(
            signer=self.signer,
            requests=iter(requests),
            on_answer=on_answer,
            most=self.most,
            jitter=self._jitter,
            clock=self._clock,
            trusted=self.trusted,
        )
        # A run that has ended for any reason must not send the requests that are still queued.
        with cancelling_threads(1, "s3-wire", interrupt=batch.stop) as pool:
            return pool.submit(batch.run).result()

    @classmethod
    def of(
        cls, client: S3Client, keys: Callable[[], ReadOnlyCredentials] | None, *, most: int = THREADS
    ) -> Wire | None:
        """Returns the wire to the client's endpoint.

        None if only boto3 can reach it: through a proxy, unsigned, with a client certificate, or without verifying the server's
        certificate.
        """
        config: Any = client.meta.config
        proxied = config.proxies or _proxied(client.meta.endpoint_url)
        trusted = _trusted(client)
        if keys is None or proxied or config.client_cert or trusted is None:
            return None
        return cls(S3Signer.of(client, keys), most=most, trusted=trusted)


def open_wire(clients: AwsClients, most: int) -> Wire | None:
    """Returns the wire for `most` requests at once with the clients' credentials, Region and endpoint; None as in `Wire.of`."""
    return Wire.of(clients.s3, clients.keys(), most=most)


def _trusted(client: S3Client) -> str | None:
    """Returns the file of certificates that the client trusts: from AWS_CA_BUNDLE, the profile's `ca_bundle` or botocore."""
    sessions: Any = client
    verify = sessions._endpoint.http_session._verify  # the session's own value, which botocore does not publish
    return get_cert_path(verify) or None


def _proxied(url: str) -> bool:
    scheme, _, rest = url.partition("://")
    return scheme in getproxies() and not proxy_bypass(rest.partition("/")[0].partition(":")[0])


def unanswered(request: S3Request) -> UnavailableError:
    """Returns the error for a request whose answer has status 0."""
    return UnavailableError(
        f"S3 has not answered {request.method} s3://{request.bucket}/{request.key} within {BUDGET_SECONDS:.0f} s; it can be "
        "repeated"
    )
