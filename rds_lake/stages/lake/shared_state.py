"""Shared state in S3: an object that several runs may change, each of them keeping what the others wrote.

    change_text(s3, bucket, key, lambda text: render(more(parse(text))), kms_key=…)

Read, change, PUT with If-Match (If-None-Match where nothing was): S3 refuses a PUT in place of another version than the one
that was read, and then the change is made again to what is there now. An object that one run alone can name needs none of this.

What belongs here: that loop. What the objects say is their own modules'.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rds_lake.aws.s3.gateway import MOST_TEXT, S3Gateway
from rds_lake.errors import ConflictError, UnavailableError

# From the present text, None where there is no object, to the new one; None to leave it as it is. May be called repeatedly.
Change = Callable[[str | None], str | None]
_TRIES = 30  # of several writers at once one always succeeds
_PAUSE = 0.02


def change_text(
    s3: S3Gateway,
    bucket: str,
    key: str,
    change: Change,
    *,
    kms_key: str | None,
    most: int = MOST_TEXT,
    sleep: Callable[[float], None] = time.sleep,
) -> str | None:
    """What the object says afterwards, None where there is none. What `change` raises ends it, and nothing is written.

    UnavailableError where others change the object all the time; ManifestError where it has more than `most` bytes.
    """
    for tried in range(_TRIES):
        found = s3.find_version(bucket, key, most=most)
        text, etag = found or (None, None)
        wanted = change(text)
        if wanted is None or wanted == text:
            return text
        try:
            s3.replace_text(bucket, key, wanted, etag=etag, kms_key=kms_key)
        except ConflictError:
            sleep(_PAUSE * (tried + 1))
        else:
            return wanted
    raise UnavailableError(f"s3://{bucket}/{key} was changed by others {_TRIES} times while it was to be changed")
