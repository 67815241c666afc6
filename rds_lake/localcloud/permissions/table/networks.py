"""Rights of the security group that a warehouse's stack has.

(https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html)
"""

from __future__ import annotations

from rds_lake.localcloud.permissions.needs import Rule, both, everything, on

EC2: dict[str, Rule] = {
    "CreateSecurityGroup": both(
        on("ec2:CreateSecurityGroup", "security-group/"), on("ec2:CreateSecurityGroup", "vpc/", "VpcId")
    ),
    "DeleteSecurityGroup": on("ec2:DeleteSecurityGroup", "security-group/", "GroupId"),
    "DescribeSecurityGroups": everything("ec2:DescribeSecurityGroups"),
}
