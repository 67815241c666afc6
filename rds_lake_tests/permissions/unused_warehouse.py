"""What lives of warehouses do not need of the printed policies, and why it is in them all the same."""

from __future__ import annotations

_HANDLERS = "CloudFormation's handlers of these types do this; the local cloud's stacks go without"
_CALLER = "Redshift does this in its caller's name; the local cloud has nothing of it to look at"
_KEPT = "a warehouse that was kept and whose settings have changed"
_CHOICE = "Redshift's choice, by how many tables or partitions there are"
_PARTS = "only for files so large that they are uploaded in parts"

# Statement, or statement and action -> the reason.
UNUSED = {
    "RunStatements": "loads and steps are batches, which this life has none of",
    "FollowStatements": "this life neither waits for a statement nor cancels one",
    "PublishResults s3:AbortMultipartUpload": f"results: {_PARTS}",
    "FindFiles s3:GetObject": "ReadInput allows it too: this lake's files lie below `input`",
    "FindStacks": "the reaper's look for stacks that no lease names: this life has no pass of it",
    "HaveStacks cloudformation:ListStackResources": "what is left of a stack whose deletion failed",
    "HaveStacks cloudformation:UpdateStack": _KEPT,
    "HaveAdminSecrets": _CALLER,
    "LookAtNetworks": _CALLER,
    "HaveClusters redshift:ModifyCluster": _KEPT,
    "HaveClusters redshift:ModifyClusterIamRoles": _KEPT,
    "HaveClusters redshift:ModifyClusterSubnetGroup": _KEPT,
    "HaveClusters redshift:ResumeCluster": "a cluster that was kept, and that somebody has paused",
    "HaveClusters": _HANDLERS,
    "HaveWorkgroups redshift-serverless:DeleteSnapshot": "a snapshot of the namespace that somebody has made",
    "HaveWorkgroups redshift-serverless:UpdateNamespace": _KEPT,
    "HaveWorkgroups redshift-serverless:UpdateWorkgroup": _KEPT,
    "HaveWorkgroups": _HANDLERS,
    "LimitUsage redshift-serverless:UpdateUsageLimit": _KEPT,
    "HaveRolesOfRedshift": _HANDLERS,
    "ListWhatIsLoaded1 s3:ListBucket": "loads are by manifest; a folder that Redshift lists by itself",
    "LocateTheBuckets s3:GetBucketLocation": "the local cloud's Redshift knows the one Region that there is",
    "ReadTheCatalogue": _CHOICE,
    "WriteResults s3:AbortMultipartUpload": f"results: {_PARTS}",
}
