"""A command ends with the error's message instead of a traceback; one about several sources after the last of them."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import click

from rds_lake.errors import ProblemsError, RdsLakeError, TerminalError
from rds_lake.model.words import counted

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


@dataclass(frozen=True, slots=True, kw_only=True)
class EachSource:
    """Collects the errors of sources, so that one that is broken does not hide the others, and raises them at the end."""

    _errors: dict[str, TerminalError] = field(default_factory=dict)

    @contextmanager
    def source(self, name: str) -> Iterator[None]:
        """Keeps the error of the block. One that all sources would have (AWS does not answer, wrong settings) is raised at once."""
        try:
            yield
        except TerminalError as error:
            self._errors[name] = error

    def raise_errors(self) -> None:
        """Raises the error of the only source that had one, or one error that names all."""
        if len(self._errors) == 1:
            raise next(iter(self._errors.values()))
        if self._errors:
            problems = [f"{name}: {error}" for name, error in self._errors.items()]
            raise ProblemsError(f"{counted(len(problems), 'source')} have errors:", problems)
