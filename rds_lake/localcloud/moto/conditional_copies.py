"""Refuses CopyObject if its If-Match or If-None-Match is false; moto checks the conditions of PutObject only.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import wraps
from typing import Any

from moto.s3.exceptions import MissingKey, PreconditionFailed
from moto.s3.responses import S3Response

_copying = threading.Lock()  # check and copy must be one step, so that only one of two writers succeeds


def look_at_conditions_of_copies() -> None:
    """Repair moto's S3 in this process. Safe to repeat."""
    bare = S3Response.copy_object
    if not hasattr(bare, "__wrapped__"):
        S3Response.copy_object = _after_the_conditions(bare)  # type: ignore[method-assign]


def _after_the_conditions(bare: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(bare)
    def copy(self: Any) -> Any:
        wanted, absent = self.headers.get("If-Match"), self.headers.get("If-None-Match")
        if not (wanted or absent):
            return bare(self)
        with _copying:
            existing = self.backend.get_object(self.bucket_name, self.parse_key_name())
            if wanted and existing is None:
                raise MissingKey(key=self.parse_key_name())
            if wanted and wanted.strip('"') != existing.etag.strip('"'):
                raise PreconditionFailed("If-Match")
            if absent == "*" and existing is not None:
                raise PreconditionFailed("If-None-Match")
            return bare(self)

    return copy
