"""The template of a request: its text, or an object in the local S3."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.stacks.refusals import invalid

Json = dict[str, Any]
_MOST_BYTES = 51_200
_MOST_BYTES_IN_S3 = 1_048_576


def template_text(params: Json, clients: InProcessClients, region: str) -> str:
    """Returns the text of TemplateBody or TemplateURL. ApiError ValidationError in AWS's words."""
    if ("TemplateBody" in params) == ("TemplateURL" in params):
        raise invalid("Either Template URL or Template Body must be specified.")
    if "TemplateURL" in params:
        return _from_s3(params["TemplateURL"], clients, region)
    text = params["TemplateBody"]
    if len(text.encode()) > _MOST_BYTES:
        raise invalid(
            "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
            f"Member must have length less than or equal to {_MOST_BYTES}"
        )
    return text


def _from_s3(url: str, clients: InProcessClients, region: str) -> str:
    bucket, key = _place_of(url)
    try:
        answer = clients.client("s3", region).get_object(Bucket=bucket, Key=key)
    except ClientError as error:
        raise invalid(
            f"S3 error: {error.response['Error']['Message']}\nFor more information check "
            "http://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html"
        ) from error
    if answer["ContentLength"] > _MOST_BYTES_IN_S3:
        raise invalid(f"Template may not exceed {_MOST_BYTES_IN_S3} bytes in size.")
    return answer["Body"].read().decode(errors="replace")


def _place_of(url: str) -> tuple[str, str]:
    """Returns bucket and key of a URL with the bucket in the host, or in the path as in the local cloud."""
    parts = urlsplit(url)
    host, path = parts.hostname or "", unquote(parts.path).lstrip("/")
    before, dot, _ = host.partition(".s3")
    bucket, key = (before, path) if dot and before else (path.partition("/")[0], path.partition("/")[2])
    if parts.scheme not in ("http", "https") or not bucket or not key:
        raise invalid("TemplateURL must be a supported URL.")
    return bucket, key
