"""AWS::Glue and AWS::Athena: databases, jobs, security configurations, workgroups."""

from __future__ import annotations

from typing import Any

from rds_lake.localcloud.stacks.types.base import Call, ResourceType

Json = dict[str, Any]
_JOB = (
    "AllocatedCapacity", "Command", "Connections", "DefaultArguments", "Description", "ExecutionClass",
    "ExecutionProperty", "GlueVersion", "JobMode", "JobRunQueuingEnabled", "LogUri", "MaintenanceWindow", "MaxCapacity",
    "MaxRetries", "NonOverridableArguments", "NotificationProperty", "NumberOfWorkers", "Role", "SecurityConfiguration",
    "Timeout", "WorkerType",
)  # fmt: skip


def _database(call: Call) -> Json:
    return {key: value for key, value in call.properties["DatabaseInput"].items() if key != "Name"}


def _create_database(call: Call) -> str:
    named = call.properties["DatabaseInput"].get("Name") or call.properties.get("DatabaseName")
    # Glue's names have no capital letters.
    name = (named or call.name("DatabaseName", limit=255)).lower()
    call.client("glue").create_database(DatabaseInput=_database(call) | {"Name": name})
    return name


def _update_database(call: Call) -> None:
    given = _database(call) | {"Name": call.physical}
    call.client("glue").update_database(Name=call.physical, DatabaseInput=given)


def _create_job(call: Call) -> str:
    name = call.name("Name", limit=255)
    tags = {"Tags": call.properties["Tags"]} if "Tags" in call.properties else {}
    call.client("glue").create_job(Name=name, **call.pick(*_JOB), **tags)
    return name


def _create_security(call: Call) -> str:
    name = call.properties["Name"]
    _put_security(call, name)
    return name


def _put_security(call: Call, name: str) -> None:
    given = dict(call.properties["EncryptionConfiguration"])
    if "S3Encryptions" in given:
        given["S3Encryption"] = given.pop("S3Encryptions")
    call.client("glue").create_security_configuration(Name=name, EncryptionConfiguration=given)


def _update_security(call: Call) -> None:
    _delete_security(call)
    _put_security(call, call.physical)


def _delete_security(call: Call) -> None:
    call.client("glue").delete_security_configuration(Name=call.physical)


def _create_workgroup(call: Call) -> str:
    name = call.properties["Name"]
    given = call.pick("Description", "Tags")
    if "WorkGroupConfiguration" in call.properties:
        given["Configuration"] = call.properties["WorkGroupConfiguration"]
    call.client("athena").create_work_group(Name=name, **given)
    return name


def _update_workgroup(call: Call) -> None:
    athena = call.client("athena")
    given = call.properties.get("WorkGroupConfiguration", {})
    updates = dict(given)
    if "ResultConfiguration" in updates:
        updates["ResultConfigurationUpdates"] = updates.pop("ResultConfiguration")
    state = call.properties.get("State", "ENABLED")
    described = call.properties.get("Description", "")
    athena.update_work_group(WorkGroup=call.physical, Description=described, State=state, ConfigurationUpdates=updates)


def _delete_workgroup(call: Call) -> None:
    recursive = call.properties.get("RecursiveDeleteOption", False)
    call.client("athena").delete_work_group(WorkGroup=call.physical, RecursiveDeleteOption=recursive)


def _workgroup_values(call: Call) -> Json:
    group = call.client("athena").get_work_group(WorkGroup=call.physical)["WorkGroup"]
    engine = group.get("Configuration", {}).get("EngineVersion", {})
    effective = engine.get("EffectiveEngineVersion", "Athena engine version 3")
    return {
        "CreationTime": str(group["CreationTime"]),
        "WorkGroupConfiguration.EngineVersion.EffectiveEngineVersion": effective,
    }


TYPES = (
    ResourceType(
        name="AWS::Glue::Database",
        named="DatabaseName",
        takes=frozenset({"CatalogId", "DatabaseInput", "DatabaseName"}),
        create=_create_database,
        update=_update_database,
        delete=lambda call: call.client("glue").delete_database(Name=call.physical),
    ),
    ResourceType(
        name="AWS::Glue::Job",
        named="Name",
        takes=frozenset({*_JOB, "Name", "Tags"}),
        create=_create_job,
        update=lambda call: call.client("glue").update_job(JobName=call.physical, JobUpdate=call.pick(*_JOB)),
        delete=lambda call: call.client("glue").delete_job(JobName=call.physical),
    ),
    ResourceType(
        name="AWS::Glue::SecurityConfiguration",
        named="Name",
        takes=frozenset({"EncryptionConfiguration", "Name"}),
        create=_create_security,
        update=_update_security,
        delete=_delete_security,
    ),
    ResourceType(
        name="AWS::Athena::WorkGroup",
        named="Name",
        takes=frozenset({"Description", "Name", "RecursiveDeleteOption", "State", "Tags", "WorkGroupConfiguration"}),
        create=_create_workgroup,
        update=_update_workgroup,
        delete=_delete_workgroup,
        attributes=_workgroup_values,
    ),
)
