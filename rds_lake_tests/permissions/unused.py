"""What the journey does not need of the printed policies, and why it is in them all the same."""

from __future__ import annotations

_SPARK = "Spark and Glue's own machinery do this; the local cloud's job runs are done by a stand-in for Spark"
_LOGS = "Glue writes logs and metrics; the local cloud's Glue writes none"
_PARTS = "only for files so large that they are uploaded in parts"
_CATALOG = "KeepTheCatalogue or ReadTheCatalogue allow it too; a linter wants every kind of resource beside each action"

# Role, statement and, where only that, one action or resource of it -> the reason.
UNUSED = {
    "pipeline SeeTheDefaultDatabase arn:aws:glue:us-east-1:123456789012:catalog": _CATALOG,
    "reader SeeTheDefaultDatabase arn:aws:glue:us-east-1:123456789012:catalog": _CATALOG,
    "reader QueryWithAthena athena:GetWorkGroup": "Athena's console shows the workgroup",
    "reader QueryWithAthena athena:StopQueryExecution": "a reader who interrupts a query",
    "reader ReadTheCatalogue glue:BatchGetPartition": "Athena's choice where a table has many partitions",
    "reader ReadTheCatalogue glue:GetPartition": "Athena's choice where a table has many partitions",
    "reader WriteResults s3:AbortMultipartUpload": f"results of a query: {_PARTS}",
    "reader WriteResults s3:ListMultipartUploadParts": f"results of a query: {_PARTS}",
    "rds-lake-export WriteExports s3:AbortMultipartUpload": f"RDS: {_PARTS}",
    "rds-lake-convert ListTheLake": _SPARK,
    "rds-lake-convert ListTheExports": _SPARK,
    "rds-lake-convert LocateTheBuckets": _SPARK,
    "rds-lake-convert ReadAndWriteTheLake s3:AbortMultipartUpload": _SPARK,
    "rds-lake-convert ReadAndWriteTheLake s3:DeleteObject": _SPARK,
    "rds-lake-convert MakeLogGroups": _LOGS,
    "rds-lake-convert WriteLogs": _LOGS,
    "rds-lake-convert WriteMetrics": _LOGS,
    "rds-lake-convert ReadTheSecurityConfiguration": _SPARK,
}
