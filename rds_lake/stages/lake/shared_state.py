"""Shared state in S3: an object that several runs change, each keeping the changes of the others.

    change_text(s3, bucket, key, lambda text: render(more(parse(text))), kms_key=…)

The object is read, changed and written with If-Match (If-None-Match if it does not exist): S3 refuses the PUT if the object
was changed since it was read (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html), and then the
change is made again to the current version. An object whose name only one run knows does not need this.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rds_lake.aws.s3.gateway import MOST_TEXT, S3Gateway
from rds_lake.errors import ConflictError, UnavailableError

# Gets the current text (None without an object) and returns the new one, or None for no change. May be called repeatedly.
Change = Callable[[str | None], str | None]
ChangeBytes = Callable[[str | None], bytes | None]
_TRIES = 100  # every conflict means that another writer succeeded: enough for a hundred at once
_PAUSE = 0.02
_LONGEST_PAUSE = 0.2


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
    """Changes the object and returns its new text; None if there is none. If `change` raises an error, nothing is written.

    Raises UnavailableError if others change the object during every attempt, ManifestError if it has more than `most` bytes.
    """
    after: str | None = None

    def changed(text: str | None) -> bytes | None:
        nonlocal after
        wanted = change(text)
        after = text if wanted is None else wanted
        return None if after is None or after == text else after.encode()

    change_bytes(s3, bucket, key, changed, kms_key=kms_key, most=most, sleep=sleep)
    return after


def change_bytes(
    s3: S3Gateway,
    bucket: str,
    key: str,
    change: ChangeBytes,
    *,
    kms_key: str | None,
    most: int = MOST_TEXT,
    sleep: Callable[[float], None] = time.sleep,
    look_first: bool = True,
) -> bool:
    """Like `change_text`, for bytes.

    Returns whether the object was written. Without `look_first`, it is first written without reading it, as if it were new.
    """
    for tried in range(_TRIES):
        text, etag = (s3.find_version(bucket, key, most=most) if tried or look_first else None) or (None, None)
        wanted = change(text)
        if wanted is None:
            return False
        try:
            s3.replace_bytes(bucket, key, wanted, etag=etag, kms_key=kms_key)
        except ConflictError:
            sleep(min(_PAUSE * (tried + 1), _LONGEST_PAUSE))
        else:
            return True
    raise UnavailableError(
        f"s3://{bucket}/{key} was changed by other processes during {_TRIES} attempts to change it; try again later"
    )
