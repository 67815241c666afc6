"""Writes a file on this machine in one step: a reader finds the earlier content or the new one, never half of it.

What belongs here: the write. The caller explains a failed write to the user.
"""

from __future__ import annotations

import os
import stat
import uuid
from collections.abc import Callable
from pathlib import Path


def _new_token() -> str:
    return uuid.uuid4().hex


def write_whole(
    path: Path, body: str | bytes, *, private: bool = False, new_token: Callable[[], str] = _new_token
) -> None:
    """Write a new file beside `path`, and rename it to `path`. Text is written as UTF-8.

    An earlier file keeps its permissions, and a symbolic link stays one. `private`: only this user may read the file. A path
    that is no regular file (`/dev/stdout`, a pipe) is written to directly. `new_token` makes the other file's name unique, so that two
    writers never share it.

    Raises OSError, which names `path`, if it cannot be written; an earlier file is then unchanged, and the new file is removed.
    """
    data = body.encode() if isinstance(body, str) else body
    try:
        if path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            target = path.resolve() if path.is_symlink() else path
            _replace(target, data, target.with_name(f".{target.name}.{new_token()}.partial"), private=private)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error


def _replace(target: Path, data: bytes, partial: Path, *, private: bool) -> None:
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if target.exists() and not private:
                os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode))
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
