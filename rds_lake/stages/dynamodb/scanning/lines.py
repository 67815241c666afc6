"""Writes scanned items as lines of an export's file, `{"Item":{"id":{"S":"1"}}}`, compressed with gzip one by one."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class ItemLines:
    """One file in memory. `bytes` counts its lines uncompressed."""

    items: int = 0
    bytes: int = 0
    _body: io.BytesIO = field(default_factory=io.BytesIO)
    _gzip: gzip.GzipFile | None = None

    def add(self, items: Sequence[Mapping[str, Any]]) -> None:
        """Items as boto3 returns them, in DynamoDB's typed form."""
        if self._gzip is None:
            self._gzip = gzip.GzipFile(fileobj=self._body, mode="wb", compresslevel=1, mtime=0)
        for item in items:
            text = json.dumps({"Item": item}, default=binary_as_base64, ensure_ascii=False, separators=(",", ":"))
            line = text.encode() + b"\n"
            self._gzip.write(line)
            self.items += 1
            self.bytes += len(line)

    def finish(self) -> bytes:
        """The whole gz file; nothing can be added afterwards."""
        self.add(())
        if self._gzip is not None:
            self._gzip.close()
        return self._body.getvalue()


def binary_as_base64(value: Any) -> str:
    """Converts binary values of boto3 to DynamoDB's JSON; for `json.dumps(default=…)`."""
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value)} is not a value of DynamoDB")
