"""`rds-lake streams package`: the ZIP file of the function that triggers of `capture: lambda` invoke.

The same release makes the same bytes everywhere, so that a deployment can see whether anything changed: it has fixed times and
permissions, sorted files, and no compression, because its result differs between versions of zlib.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import rds_lake
from rds_lake.aws.clients import AwsClients
from rds_lake.aws.session import open_clients
from rds_lake.aws.translate import aws_errors
from rds_lake.config.lake_yaml import LakeConfig
from rds_lake.files import write_whole
from rds_lake.model.lake.layout import LakeLayout

HANDLER = "rds_lake.streams.handler.handler"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_READABLE = 0o100644 << 16
_UNIX = 3


def package(output: Path, *, say: Callable[[str], None]) -> None:
    """Write the file, and print how to deploy it. OSError if it cannot be written."""
    body = function_zip()
    write_whole(output, body)
    say(f"{output}: {len(body):,} bytes, SHA-256 {hashlib.sha256(body).hexdigest()}")
    say(
        f"handler {HANDLER}, runtime python3.11 or newer, timeout 60 seconds; variable RDS_LAKE_STREAM: the delivery stream"
    )


def upload(config: LakeConfig, *, say: Callable[[str], None], clients: AwsClients | None = None) -> None:
    """Upload the file to the lake's bucket, and print how to deploy it. AwsError if S3 refuses it."""
    key = put(config, function_zip(), say=say, clients=clients)
    say(f"rds-lake setup --parameter CaptureCodeKey={key}")


def put(config: LakeConfig, body: bytes, *, say: Callable[[str], None], clients: AwsClients | None = None) -> str:
    """Upload a package under a name with the digest of its content; returns the key. AwsError if S3 refuses it."""
    lake = config.lake
    layout = LakeLayout(bucket=lake.bucket, prefix=lake.prefix)
    key = layout.function_key(hashlib.sha256(body).hexdigest()[:12])
    clients = clients or open_clients(region=lake.region)
    with aws_errors("s3", "PutObject", about=layout.uri(key)):
        clients.s3.put_object(Bucket=lake.bucket, Key=key, Body=body)
    say(f"{layout.uri(key)}: {len(body):,} bytes")
    return key


def function_zip() -> bytes:
    """Returns the ZIP file of the function's own files, without the rest of rds-lake."""
    home = Path(rds_lake.__file__).parent
    files = [home / "__init__.py", *sorted((home / "streams").glob("*.py"))]
    return zipped({file.relative_to(home.parent).as_posix(): file.read_bytes() for file in files})


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Returns a ZIP file of these files, the same bytes for the same files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, body in files.items():
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr, entry.create_system = _READABLE, _UNIX
            # A checkout on Windows may have other line ends.
            archive.writestr(entry, body.replace(b"\r\n", b"\n") if name.endswith(".py") else body)
    return packed.getvalue()
