"""The lake's stack: CloudFormation's calls, with the missing permission if AWS denies one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.aws.warehouse.stacks import Event, Stack, StackGateway
from rds_lake.errors import AwsError, StackError
from rds_lake.infra.stack.advice import denied
from rds_lake.infra.stack.template_text import read_template

__all__ = ["Event", "Stack", "StackClient"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StackClient(StackGateway):
    """The calls of one stack. StackError with the missing permission if AWS denies one; AwsError for other refusals."""

    def template(self, stack_id: str) -> dict[str, Any]:
        """Returns the template that the stack was last deployed with."""
        with self._asked("GetTemplate"):
            body = self.api.get_template(StackName=stack_id)["TemplateBody"]
        return read_template(body) if isinstance(body, str) else dict(body)

    @contextmanager
    def _asked(self, operation: str) -> Iterator[None]:
        try:
            with aws_errors("cloudformation", operation, about=f"stack {self.name}"):
                yield
        except AwsError as error:
            if "AccessDenied" in error.code:
                raise StackError(denied(str(error), f"cloudformation:{operation}")) from error
            raise
