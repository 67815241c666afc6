"""Rights of S3's operations, with the KMS rights that encrypted objects need.

(https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html: operations whose right has another
name; https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html: KMS)
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import unquote

from rds_lake.localcloud.permissions.needs import PARTITION, Call, Need, Rule, everything

# Operations on a bucket, with the names of their rights.
_OF_BUCKET = {
    "CreateBucket": "CreateBucket",
    "DeleteBucket": "DeleteBucket",
    "GetBucketLocation": "GetBucketLocation",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "HeadBucket": "ListBucket",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "GetBucketPolicy": "GetBucketPolicy",
    "GetBucketPolicyStatus": "GetBucketPolicyStatus",
    "PutBucketPolicy": "PutBucketPolicy",
    "DeleteBucketPolicy": "DeleteBucketPolicy",
    "GetBucketVersioning": "GetBucketVersioning",
    "PutBucketVersioning": "PutBucketVersioning",
    "GetBucketTagging": "GetBucketTagging",
    "PutBucketTagging": "PutBucketTagging",
    "DeleteBucketTagging": "PutBucketTagging",
    "GetBucketAcl": "GetBucketAcl",
    "GetBucketOwnershipControls": "GetBucketOwnershipControls",
    "PutBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
}
_OF_OBJECT = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "ListParts": "ListMultipartUploadParts",
    "GetObjectTagging": "GetObjectTagging",
    "PutObjectTagging": "PutObjectTagging",
    "DeleteObjectTagging": "DeleteObjectTagging",
    "GetObjectAcl": "GetObjectAcl",
    "PutObjectAcl": "PutObjectAcl",
}
# Query parameters that are condition keys of ListBucket, and headers that are condition keys of writes.
_LIST_KEYS = {"prefix": "s3:prefix", "delimiter": "s3:delimiter", "max-keys": "s3:max-keys"}
_WRITE_KEYS = (
    "x-amz-acl",
    "x-amz-copy-source",
    "x-amz-metadata-directive",
    "x-amz-server-side-encryption",
    "x-amz-storage-class",
)
_KEY_IN_BODY = re.compile(rb"<Key>(.*?)</Key>(?:\s*<VersionId>(.*?)</VersionId>)?", re.DOTALL)


def object_arn(bucket: str, key: str = "") -> str:
    """Returns the ARN of an object, or of the bucket."""
    return f"arn:{PARTITION}:s3:::{bucket}/{key}" if key else f"arn:{PARTITION}:s3:::{bucket}"


def get_object(call: Call, bucket: str, key: str, *, version: str = "", head: bool = False) -> Iterator[Need]:
    """Returns the rights to read an object. A missing object is 404 only for a caller who may list the bucket, else 403.

    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html)
    """
    yield Need(action="s3:GetObjectVersion" if version else "s3:GetObject", resource=object_arn(bucket, key))
    stored = call.stored.object(bucket, key)
    if stored is None:
        if call.stored.has_bucket(bucket):
            yield Need(action="s3:ListBucket", resource=object_arn(bucket))
    elif stored.key and not head:
        yield _of_key(call, "kms:Decrypt", stored.key, bucket, key)


def put_object(call: Call, bucket: str, key: str, *, multipart: bool = False) -> Iterator[Need]:
    """Returns the rights to write an object. `multipart`: also to decrypt earlier parts."""
    written = {f"s3:{name}": (call.headers[name],) for name in _WRITE_KEYS if name in call.headers}
    kms = call.stored.encrypting_key(call.headers, bucket, call.region)
    if kms:
        written["s3:x-amz-server-side-encryption-aws-kms-key-id"] = (kms,)
    yield Need(action="s3:PutObject", resource=object_arn(bucket, key), context=written)
    if "if-match" in call.headers:
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        yield Need(action="s3:GetObject", resource=object_arn(bucket, key))
    if "x-amz-tagging" in call.headers:
        yield Need(action="s3:PutObjectTagging", resource=object_arn(bucket, key))
    if kms:
        yield _of_key(call, "kms:GenerateDataKey", kms, bucket, key)
        if multipart:
            yield _of_key(call, "kms:Decrypt", kms, bucket, key)


def _of_key(call: Call, action: str, arn: str, bucket: str, key: str) -> Need:
    context = {
        "kms:ViaService": (f"s3.{call.region}.amazonaws.com",),
        "kms:CallerAccount": (call.account,),
        "kms:EncryptionContext:aws:s3:arn": (object_arn(bucket, key),),
    }
    return Need(action=action, resource=arn, context=context)


def _place(call: Call) -> tuple[str, str]:
    return call.params["Bucket"], call.params.get("Key", "")


def _read(call: Call) -> Iterator[Need]:
    head = call.operation == "HeadObject"
    yield from get_object(call, *_place(call), version=call.params.get("versionId", ""), head=head)


def _attributes(call: Call) -> Iterator[Need]:
    yield from get_object(call, *_place(call))
    yield Need(action="s3:GetObjectAttributes", resource=object_arn(*_place(call)))


def _write(call: Call) -> Iterator[Need]:
    yield from put_object(call, *_place(call))


def _create_upload(call: Call) -> Iterator[Need]:
    yield from put_object(call, *_place(call), multipart=True)


def _write_part(call: Call) -> Iterator[Need]:
    """A part, or the end of an upload: encrypted with the upload's key."""
    bucket, key = _place(call)
    yield Need(action="s3:PutObject", resource=object_arn(bucket, key))
    kms = call.stored.upload_key(bucket, call.params.get("uploadId", ""), call.region)
    if kms:
        yield _of_key(call, "kms:Decrypt", kms, bucket, key)


def _source(call: Call) -> Iterator[Need]:
    """Returns the source of a copy. The header has `bucket/key`, quoted, with or without a leading slash."""
    path, _, query = call.headers.get("x-amz-copy-source", "").partition("?versionId=")
    bucket, _, key = unquote(path).lstrip("/").partition("/")
    yield from get_object(call, bucket, key, version=query)


def _copy(call: Call) -> Iterator[Need]:
    yield from _source(call)
    yield from put_object(call, *_place(call))


def _copy_part(call: Call) -> Iterator[Need]:
    yield from _source(call)
    yield from _write_part(call)


def _delete(call: Call) -> Iterator[Need]:
    action = "s3:DeleteObjectVersion" if call.params.get("versionId") else "s3:DeleteObject"
    yield Need(action=action, resource=object_arn(*_place(call)))


def _list(call: Call) -> Iterator[Need]:
    context = {name: (call.params[key],) for key, name in _LIST_KEYS.items() if key in call.params}
    yield Need(action="s3:ListBucket", resource=object_arn(call.params["Bucket"]), context=context)


def delete_objects(call: Call) -> Iterator[Need]:
    """Returns one right for each key of the body, in its order. AWS decides each key separately: `gate.py`."""
    for key, version in _KEY_IN_BODY.findall(call.body):
        action = "s3:DeleteObjectVersion" if version else "s3:DeleteObject"
        yield Need(action=action, resource=object_arn(call.params["Bucket"], unescape(key.decode())))


def _of_bucket(action: str) -> Rule:
    def rule(call: Call) -> Iterator[Need]:
        yield Need(action=f"s3:{action}", resource=object_arn(call.params["Bucket"]))

    return rule


def _of_object(action: str) -> Rule:
    def rule(call: Call) -> Iterator[Need]:
        yield Need(action=f"s3:{action}", resource=object_arn(*_place(call)))

    return rule


S3: dict[str, Rule] = {
    "ListBuckets": everything("s3:ListAllMyBuckets"),
    **{operation: _of_bucket(action) for operation, action in _OF_BUCKET.items()},
    **{operation: _of_object(action) for operation, action in _OF_OBJECT.items()},
    "ListObjects": _list,
    "ListObjectsV2": _list,
    "GetObject": _read,
    "HeadObject": _read,
    "GetObjectAttributes": _attributes,
    "PutObject": _write,
    "CreateMultipartUpload": _create_upload,
    "UploadPart": _write_part,
    "CompleteMultipartUpload": _write_part,
    "CopyObject": _copy,
    "UploadPartCopy": _copy_part,
    "DeleteObject": _delete,
    "DeleteObjects": delete_objects,
}
