"""Rights of Redshift: clusters, serverless workgroups, and statements of the Data API.

(https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshift.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshiftdataapi.html,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonredshiftserverless.html)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rds_lake.localcloud.permissions.needs import ANY, Call, Need, Rule, both, everything, on
from rds_lake.model.permissions.request import THE_CALLER

_OF_CLUSTER = (
    "DeleteCluster",
    "PauseCluster",
    "ResumeCluster",
    "ModifyCluster",
    "ModifyClusterIamRoles",
    "DescribeClusters",
    "DescribeClusterSnapshots",
)
_ROLE_KEYS = r"(IamRoles|AddIamRoles)\.(member|IamRoleArn)\.\d+|DefaultIamRoleArn|defaultIamRoleArn"
_CHANGES = ("Create", "Modify", "Delete")
_OF_GROUPS = ("DescribeClusterSubnetGroups", "DescribeClusterParameterGroups")
_RUN = ("ExecuteStatement", "BatchExecuteStatement", "ListDatabases", "ListSchemas", "ListTables", "DescribeTable")
_OF_STATEMENT = (
    "DescribeStatement", "GetStatementResult", "CancelStatement", "ListStatements", "ListSessions",
)  # fmt: skip
_OWNER = "redshift-data:statement-owner-iam-userid"
_OF_WORKGROUP = ("CreateWorkgroup", "GetCredentials", "GetWorkgroup", "DeleteWorkgroup", "UpdateWorkgroup")
_OF_NAMESPACE = ("CreateNamespace", "GetNamespace", "DeleteNamespace", "UpdateNamespace")
_OF_SNAPSHOT = ("CreateSnapshot", "GetSnapshot", "DeleteSnapshot", "ListSnapshots")
_OF_NOTHING = (
    "ListWorkgroups", "ListNamespaces", "CreateUsageLimit", "DeleteUsageLimit", "ListUsageLimits", "UpdateUsageLimit",
)  # fmt: skip


def _of_snapshot(action: str) -> Rule:
    def rule(call: Call) -> Iterator[Need]:
        owner = call.params.get("ClusterIdentifier") or call.params.get("SnapshotClusterIdentifier") or ANY
        name = call.params.get("SnapshotIdentifier") or ANY
        yield Need(action=f"redshift:{action}", resource=call.arn(f"snapshot:{owner}/{name}"))

    return rule


def _runs(action: str) -> Rule:
    """Returns the statement's own right, and the right to log in as the requested user; in a session only the first.

    That a session counts as its cluster or workgroup is an assumption: AWS does not document it.
    """

    def rule(call: Call) -> Iterator[Need]:
        session = call.params.get("SessionId")
        params = call.stored.session_place(session) if session else call.params
        cluster, workgroup = params.get("ClusterIdentifier"), params.get("WorkgroupName")
        if workgroup:
            yield Need(action=f"redshift-data:{action}", resource=_workgroup(call, workgroup))
        elif cluster:
            yield Need(action=f"redshift-data:{action}", resource=call.arn(f"cluster:{cluster}", service="redshift"))
        else:
            yield Need(action=f"redshift-data:{action}", resource=call.arn("cluster:*", service="redshift"))
        if not session:
            yield from _login(call, cluster, workgroup)

    return rule


def _of_statement(action: str) -> Rule:
    """Rights on a statement, whose owner is a condition key; for a list, in which callers see only their own."""

    def rule(call: Call) -> Iterator[Need]:
        identity = str(call.params.get("Id") or "")
        owner = call.stored.statement_owner(identity.partition(":")[0]) if identity else THE_CALLER
        yield Need(action=f"redshift-data:{action}", context={_OWNER: (owner,)} if owner else {})

    return rule


def _login(call: Call, cluster: str | None, workgroup: str | None) -> Iterator[Need]:
    params = call.params
    secret, database = params.get("SecretArn"), params.get("Database") or "dev"
    if secret:
        yield Need(action="secretsmanager:GetSecretValue", resource=call.stored.secret_arn(secret, call.region))
    elif workgroup:
        yield Need(action="redshift-serverless:GetCredentials", resource=_workgroup(call, workgroup))
    elif cluster and params.get("DbUser"):
        for kind in (f"dbuser:{cluster}/{params['DbUser']}", f"dbname:{cluster}/{database}"):
            yield Need(action="redshift:GetClusterCredentials", resource=call.arn(kind, service="redshift"))
    elif cluster:
        named = call.arn(f"dbname:{cluster}/{database}", service="redshift")
        yield Need(action="redshift:GetClusterCredentialsWithIAM", resource=named)


def _credentials(call: Call) -> Iterator[Need]:
    """Rights to log in as a user and to a database, to create the user, and to join groups.

    (https://docs.aws.amazon.com/redshift/latest/mgmt/redshift-iam-access-control-identity-based.html)
    """
    params = call.params
    cluster, user, database = params.get("ClusterIdentifier"), params.get("DbUser"), params.get("DbName") or ANY
    for kind in (f"dbuser:{cluster}/{user}", f"dbname:{cluster}/{database}"):
        yield Need(action="redshift:GetClusterCredentials", resource=call.arn(kind, service="redshift"))
    if str(params.get("AutoCreate", "")).lower() == "true":
        yield Need(
            action="redshift:CreateClusterUser", resource=call.arn(f"dbuser:{cluster}/{user}", service="redshift")
        )
    for key, group in params.items():
        if re.fullmatch(r"DbGroups\.(member|DbGroup)\.\d+", key):
            yield Need(action="redshift:JoinGroup", resource=call.arn(f"dbgroup:{cluster}/{group}", service="redshift"))


def _credentials_with_iam(call: Call) -> Iterator[Need]:
    name = f"dbname:{call.params.get('ClusterIdentifier')}/{call.params.get('DbName') or ANY}"
    yield Need(action="redshift:GetClusterCredentialsWithIAM", resource=call.arn(name, service="redshift"))


def _workgroup(call: Call, name: str) -> str:
    if name.startswith("arn:"):
        return name
    known = call.stored.workgroup_arn(call.region, name)
    return known or call.arn("workgroup/*", service="redshift-serverless")


def _on_workgroup(action: str) -> Rule:
    def rule(call: Call) -> Iterator[Need]:
        name = call.params.get("workgroupName", ANY)
        yield Need(action=f"redshift-serverless:{action}", resource=_workgroup(call, name))

    return rule


def _managed_secret(key: str, owner: str) -> Rule:
    """A password that AWS manages is a secret that the caller creates."""

    def rule(call: Call) -> Iterator[Need]:
        if str(call.params.get(key, "")).lower() == "true":
            name = f"secret:redshift!{call.params.get(owner, ANY)}-*"
            yield Need(action="secretsmanager:CreateSecret", resource=call.arn(name, service="secretsmanager"))

    return rule


def _passes_roles(service: str) -> Rule:
    """Roles that are passed to Redshift: for a cluster `IamRoles.IamRoleArn.1`, for a namespace `iamRoles` and the default one.

    (https://docs.aws.amazon.com/redshift/latest/mgmt/authorizing-redshift-service.html)
    """

    def rule(call: Call) -> Iterator[Need]:
        listed = call.params.get("iamRoles") or ()
        named = [value for key, value in call.params.items() if re.fullmatch(_ROLE_KEYS, key)]
        for arn in dict.fromkeys([*named, *listed]):
            yield Need(action="iam:PassRole", resource=arn, context={"iam:PassedToService": (service,)})

    return rule


REDSHIFT: dict[str, Rule] = {
    **{operation: on(f"redshift:{operation}", "cluster:", "ClusterIdentifier") for operation in _OF_CLUSTER},
    "CreateCluster": both(
        on("redshift:CreateCluster", "cluster:", "ClusterIdentifier"),
        _managed_secret("ManageMasterPassword", "ClusterIdentifier"),
        _passes_roles("redshift.amazonaws.com"),
    ),
    "ModifyClusterIamRoles": both(
        on("redshift:ModifyClusterIamRoles", "cluster:", "ClusterIdentifier"), _passes_roles("redshift.amazonaws.com")
    ),
    "GetClusterCredentials": _credentials,
    "GetClusterCredentialsWithIAM": _credentials_with_iam,
    **{name: everything(f"redshift:{name}") for name in _OF_GROUPS},
    **{
        f"{change}ClusterSubnetGroup": on(
            f"redshift:{change}ClusterSubnetGroup", "subnetgroup:", "ClusterSubnetGroupName"
        )
        for change in _CHANGES
    },
    **{
        f"{change}ClusterParameterGroup": on(
            f"redshift:{change}ClusterParameterGroup", "parametergroup:", "ParameterGroupName"
        )
        for change in _CHANGES
    },
    "DescribeClusterParameters": on("redshift:DescribeClusterParameters", "parametergroup:", "ParameterGroupName"),
    **{name: _of_snapshot(name) for name in ("CreateClusterSnapshot", "DeleteClusterSnapshot")},
}
DATA: dict[str, Rule] = {
    **{operation: _runs(operation) for operation in _RUN},
    **{operation: _of_statement(operation) for operation in _OF_STATEMENT},
    # One right for both forms of a result.
    "GetStatementResultV2": _of_statement("GetStatementResult"),
}
SERVERLESS: dict[str, Rule] = {
    **{operation: _on_workgroup(operation) for operation in _OF_WORKGROUP},
    **{operation: on(f"redshift-serverless:{operation}", "namespace/") for operation in _OF_NAMESPACE},
    "CreateNamespace": both(
        on("redshift-serverless:CreateNamespace", "namespace/"),
        _managed_secret("manageAdminPassword", "namespaceName"),
        _passes_roles("redshift-serverless.amazonaws.com"),
    ),
    **{operation: on(f"redshift-serverless:{operation}", "snapshot/") for operation in _OF_SNAPSHOT},
    **{operation: everything(f"redshift-serverless:{operation}") for operation in _OF_NOTHING},
}
