"""A request of Lambda or AWS Backup is known by its method and path, its parameters by AWS's names."""

from __future__ import annotations

import pytest

from rds_lake.localcloud.http.rest import rest_call


def test_a_path_of_another_service_is_no_call() -> None:
    assert rest_call("s3", "GET", "/bucket/key") is None
    assert rest_call("nothing", "GET", "/") is None
    assert rest_call("backup", "PATCH", "/backup-vaults/a") is None


@pytest.mark.parametrize(
    ("service", "method", "path", "operation", "params"),
    [
        ("backup", "PUT", "/backup-vaults/lake-backups", "CreateBackupVault", {"BackupVaultName": "lake-backups"}),
        ("backup", "PUT", "/backup/plans/", "CreateBackupPlan", {}),
        ("backup", "DELETE", "/backup/plans/p-1", "DeleteBackupPlan", {"BackupPlanId": "p-1"}),
        ("lambda", "PUT", "/2015-03-31/functions/f/code", "UpdateFunctionCode", {"FunctionName": "f"}),
        ("lambda", "DELETE", "/2015-03-31/functions/f%3A1", "DeleteFunction", {"FunctionName": "f:1"}),
        ("lambda", "POST", "/2015-03-31/functions", "CreateFunction", {}),
    ],
)
def test_method_and_path_name_operation_and_parameters(
    service: str, method: str, path: str, operation: str, params: dict[str, str]
) -> None:
    call = rest_call(service, method, path)
    assert call is not None
    assert (call.operation, call.params) == (operation, params)
