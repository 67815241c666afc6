"""IAM roles: finding one by name, and removing it with its inline policies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rds_lake.aws.translate import aws_errors
from rds_lake.errors import AwsError


@dataclass(frozen=True, slots=True)
class RolesGateway:
    """Roles that CloudFormation stacks created."""

    client: Any

    def exists(self, name: str) -> bool:
        """Whether there is a role of this name."""
        try:
            with aws_errors("iam", "GetRole", about=name):
                self.client.get_role(RoleName=name)
        except AwsError as error:
            if error.code == "NoSuchEntity":
                return False
            raise
        return True

    def delete(self, name: str) -> None:
        """Delete the role and its inline policies. AwsError if someone attached other policies to it."""
        with aws_errors("iam", "ListRolePolicies", about=name):
            policies = self.client.list_role_policies(RoleName=name)["PolicyNames"]
        for policy in policies:
            with aws_errors("iam", "DeleteRolePolicy", about=name):
                self.client.delete_role_policy(RoleName=name, PolicyName=policy)
        with aws_errors("iam", "DeleteRole", about=name):
            self.client.delete_role(RoleName=name)
