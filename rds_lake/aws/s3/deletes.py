"""DeleteObjects written without botocore: 1,000 keys a request, at a tenth of its time.

The request, and what its answer says. Where that is not plain, `S3Gateway.delete` repeats it, and words the errors.
"""

from __future__ import annotations

import zlib
from base64 import b64encode
from collections.abc import Sequence
from xml.sax.saxutils import escape

from rds_lake.aws.s3.sign import S3Request

DELETED_AT_ONCE = 1000


def delete_request(bucket: str, keys: Sequence[str]) -> S3Request | None:
    """The request that deletes up to 1,000 keys; None for a key with a character that XML cannot hold. `about` are the keys."""
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
    """Whether S3 deleted all of them: asked to be quiet, it names only those it did not."""
    return b"<DeleteResult" in body and b"<Error>" not in body
