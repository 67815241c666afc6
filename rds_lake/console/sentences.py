"""A command ends with the error's message instead of a traceback."""

from __future__ import annotations

import errno

import click

from rds_lake.errors import RdsLakeError

# The disk is full, the user's quota is used up, or the file is longer than the shell allows.
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class SentenceGroup(click.Group):
    """Commands whose errors (RdsLakeError, OSError of a file) end with the message and exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except RdsLakeError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            raise click.ClickException(_about_file(error)) from error


def _about_file(error: OSError) -> str:
    path = error.filename or "a file"
    if error.errno in _NO_SPACE:
        return f"{path} could not be written: {error.strerror}; free some space and repeat"
    if error.filename is None:
        raise error
    return f"{path} could not be used: {error.strerror}"
