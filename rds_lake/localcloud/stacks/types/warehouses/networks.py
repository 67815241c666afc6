"""AWS::EC2: security groups without rules for incoming traffic."""

from __future__ import annotations

from rds_lake.localcloud.stacks.types.base import Call, ResourceType


def _create(call: Call) -> str:
    name = call.name("GroupName", limit=255)
    given = {"Description": call.properties["GroupDescription"], "GroupName": name} | call.pick("VpcId")
    return call.client("ec2").create_security_group(**given)["GroupId"]


def _delete(call: Call) -> None:
    call.client("ec2").delete_security_group(GroupId=call.physical)


TYPES = (
    ResourceType(
        name="AWS::EC2::SecurityGroup",
        named="GroupName",
        takes=frozenset({"GroupDescription", "GroupName", "SecurityGroupEgress", "Tags", "VpcId"}),
        create=_create,
        delete=_delete,
        attributes=lambda call: {"GroupId": call.physical, "Id": call.physical},
    ),
)
