"""Shared state in S3: an object that several runs may change, each of them keeping what the others wrote.

    change_text(s3, bucket, key, lambda text: render(more(parse(text))), kms_key=…)

Read, change, PUT with If-Match (If-None-Match where there is no object): S3 refuses a PUT in place of another version than the one
that was read (https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html), and then the change is made again
to the version that is there now. An object whose name only one run knows needs none of this.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from rds_lake.aws.s3.gateway import MOST_TEXT, S3Gateway
from rds_lake.errors import ConflictError, UnavailableError

# From the present text, None where there is no object, to the new one; None to leave it as it is. May be called repeatedly.
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
    """Change the object and return its text afterwards, None where there is none. What `change` raises leaves it as it is.

    UnavailableError where others change the object all the time; ManifestError where it has more than `most` bytes.
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
    """As `change_text`, for bytes.

    Returns whether the object was written. Without `look_first` it is taken for new until S3 says otherwise.
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
