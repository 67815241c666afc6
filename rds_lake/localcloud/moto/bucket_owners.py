"""Refuses a request with an expected bucket owner if the bucket belongs to another account; moto does not check this.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.s3.exceptions import S3AccessDeniedError
from moto.s3.models import s3_backends
from moto.s3.responses import S3Response

_HEADER = "x-amz-expected-bucket-owner"
_ANSWERING = ("_bucket_response", "_key_response")


def look_at_expected_owners() -> None:
    """Repair moto's S3 in this process. Safe to repeat."""
    for name in _ANSWERING:
        bare = getattr(S3Response, name)
        if not hasattr(bare, "__wrapped__"):
            setattr(S3Response, name, _after_the_owner(bare))


def _after_the_owner(bare: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(bare)
    def answer(self: Any, request: Any, full_url: str) -> Any:
        expected = request.headers.get(_HEADER)
        if expected:
            _, owner = s3_backends.bucket_accounts.get(
                self.parse_bucket_name_from_url(request, full_url), ("", expected)
            )
            if owner != expected:
                raise S3AccessDeniedError
        return bare(self, request, full_url)

    return answer
