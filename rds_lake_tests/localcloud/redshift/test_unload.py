"""UNLOAD: a query into files of S3, with a manifest to verify them by, and never over what is there."""

import gzip
import io
import json
from decimal import Decimal

import pyarrow.parquet as pq
import pytest

from rds_lake_tests.localcloud.permissions.calling import document, trust
from rds_lake_tests.localcloud.redshift.warehouse import CLUSTER, Warehouse

BUCKET = "acme-lake"
ROWS = "select 1 as id, ''a,\"b''::varchar(9) as note, 1.50 as total, true as ok union all select 2, null, null, false order by 1"


@pytest.fixture
def unloading(warehouse: Warehouse) -> Warehouse:
    """A cluster whose default role may write to a bucket."""
    iam = warehouse.client("iam")
    role = iam.create_role(RoleName="unloads", AssumeRolePolicyDocument=trust("redshift.amazonaws.com"))["Role"]["Arn"]
    write = {"Effect": "Allow", "Action": ["s3:PutObject", "s3:GetObject", "s3:ListBucket"], "Resource": "*"}
    iam.put_role_policy(RoleName="unloads", PolicyName="own", PolicyDocument=document(write))
    warehouse.client("redshift").delete_cluster(ClusterIdentifier=CLUSTER, SkipFinalClusterSnapshot=True)
    warehouse.create(IamRoles=[role], DefaultIamRoleArn=role)
    warehouse.client("s3").create_bucket(Bucket=BUCKET)
    return warehouse


def unload(options: str, query: str = ROWS) -> str:
    return f"unload ('{query}') to 's3://{BUCKET}/out/result_' iam_role default {options}"


def objects(warehouse: Warehouse) -> dict[str, bytes]:
    s3 = warehouse.client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]
    return {key.removeprefix("out/"): s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def test_one_csv_with_a_header_is_one_file(unloading: Warehouse) -> None:
    assert unloading.run(unload("csv header parallel off"))["ResultRows"] == 2
    assert objects(unloading) == {"result_000": b'id,note,total,ok\n1,"a,""b",1.50,t\n2,,,f\n'}


def test_files_are_per_slice_and_gz_unless_an_extension_is_given(unloading: Warehouse) -> None:
    unloading.run(unload("gzip null as 'NIL' addquotes"))
    found = objects(unloading)
    assert sorted(found) == ["result_0000_part_00.gz", "result_0001_part_00.gz"]
    assert gzip.decompress(found["result_0001_part_00.gz"]) == b'"2"|NIL|NIL|"f"\n'
    unloading.run(unload("csv parallel off extension 'csv'"))
    assert "result_000.csv" in objects(unloading)


def test_parquet_keeps_types_and_its_manifest_has_lengths(unloading: Warehouse) -> None:
    unloading.run(unload("format parquet parallel off manifest"))
    found = objects(unloading)
    table = pq.read_table(io.BytesIO(found["result_000.parquet"]))
    assert table.to_pylist()[0] == {"id": 1, "note": 'a,"b', "total": Decimal("1.50"), "ok": True}
    (entry,) = json.loads(found["result_manifest"])["entries"]
    assert entry == {
        "url": f"s3://{BUCKET}/out/result_000.parquet",
        "meta": {"content_length": len(found["result_000.parquet"])},
    }


def test_json_has_one_object_a_line(unloading: Warehouse) -> None:
    unloading.run(unload("json parallel off"))
    assert objects(unloading)["result_000"].decode().splitlines() == [
        '{"id":1,"note":"a,\\"b","total":1.50,"ok":"t"}', '{"id":2,"note":null,"total":null,"ok":"f"}',
    ]  # fmt: skip


def test_a_verbose_manifest_is_what_a_result_is_verified_by(unloading: Warehouse) -> None:
    unloading.run(unload("csv header manifest verbose"))
    found = objects(unloading)
    manifest = json.loads(found["result_manifest"])
    assert [entry["meta"]["record_count"] for entry in manifest["entries"]] == [2, 2]
    assert manifest["meta"]["content_length"] == sum(
        len(body) for name, body in found.items() if "manifest" not in name
    )
    assert manifest["schema"]["elements"][0] == {"name": "id", "type": {"base": "integer"}}
    assert manifest["author"]["name"] == "Amazon Redshift"


def test_what_is_there_is_not_overwritten(unloading: Warehouse) -> None:
    unloading.run(unload("csv parallel off"))
    before = objects(unloading)
    assert "is not empty" in unloading.error(unload("csv parallel off", "select 7 as a"))
    assert objects(unloading) == before
    unloading.run(unload("csv parallel off allowoverwrite", "select 7 as a"))
    assert objects(unloading) == {"result_000": b"7\n"}


def test_files_are_split_at_their_largest_size(unloading: Warehouse) -> None:
    unloading.run("create table wide as select repeat('x', 60000)::varchar(60000) as a")
    for _ in range(7):
        unloading.run("insert into wide select a from wide")
    unloading.run(unload("parallel off maxfilesize 5 mb", "select a from wide"))
    sizes = [len(body) for body in objects(unloading).values()]
    assert len(sizes) == 2 and max(sizes) <= 5 * 1024 * 1024


def test_no_rows_are_an_empty_csv_and_no_json(unloading: Warehouse) -> None:
    unloading.run(unload("json parallel off", "select 1 as a where 1 = 2"))
    assert objects(unloading) == {}
    unloading.run(unload("csv parallel off", "select 1 as a where 1 = 2"))
    assert objects(unloading) == {"result_000": b""}


@pytest.mark.parametrize(
    "options",
    [
        "parquet delimiter '|'", "parquet header", "parquet gzip", "json header", "json null as 'x'", "csv addquotes",
        "csv fixedwidth '1:2'", "cleanpath allowoverwrite", "maxfilesize 1 mb", "fixedwidth 'a:1'", "gzip zstd",
        "encrypted", "encrypted auto kms_key_id 'k'", "kms_key_id 'k'", "rowgroupsize 64 mb", "parquet rowgroupsize 16 mb",
        "delimiter '||'", "partition by ('id')", "partition by (nothing)", "parquet partition by (id, note, total, ok)",
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_or_are_not_there_are_refused(unloading: Warehouse, options: str) -> None:
    unloading.error(unload(options))
    assert objects(unloading) == {}


def test_partitions_are_folders_and_leave_the_files_unless_they_are_included(unloading: Warehouse) -> None:
    query = "select 1 as id, ''a/b''::varchar(9) as part union all select 2, null order by 1"
    unloading.run(unload("csv header parallel off manifest verbose partition by (part)", query))
    found = objects(unloading)
    assert found["result_/part=a%2Fb/000"] == b"id\n1\n"
    assert found["result_/part=__HIVE_DEFAULT_PARTITION__/000"] == b"id\n2\n"
    manifest = json.loads(found["result_/manifest"])
    assert [each["name"] for each in manifest["schema"]["elements"]] == ["id"] and len(manifest["entries"]) == 2
    unloading.run(unload("parquet partition by (part) include", query))
    table = pq.read_table(io.BytesIO(objects(unloading)["result_/part=a%2Fb/0000_part_00.parquet"]))
    assert table.to_pylist() == [{"id": 1, "part": "a/b"}]


def test_cleanpath_deletes_what_is_there_and_of_partitions_only_their_own(unloading: Warehouse) -> None:
    s3 = unloading.client("s3")
    allow_delete(unloading)
    for key in ("out/result_old", "out/other", "out/result_/part=a/old", "out/result_/part=b/old"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    unloading.run(unload("csv parallel off cleanpath partition by (part)", "select 1 as id, ''a'' as part"))
    assert sorted(objects(unloading)) == ["other", "result_/part=a/000", "result_/part=b/old", "result_old"]
    unloading.run(unload("csv parallel off cleanpath", "select 1 as id"))
    assert sorted(objects(unloading)) == ["other", "result_000"]


def test_cleanpath_needs_the_right_to_delete(unloading: Warehouse) -> None:
    unloading.client("s3").put_object(Bucket=BUCKET, Key="out/result_old", Body=b"x")
    assert "s3:DeleteObject" in unloading.error(unload("csv parallel off cleanpath", "select 1 as id"))


def allow_delete(warehouse: Warehouse) -> None:
    actions = ["s3:PutObject", "s3:GetObject", "s3:ListBucket", "s3:DeleteObject", "s3:GetEncryptionConfiguration"]
    rights = document({"Effect": "Allow", "Action": actions, "Resource": "*"})
    warehouse.client("iam").put_role_policy(RoleName="unloads", PolicyName="own", PolicyDocument=rights)


def test_files_are_encrypted_with_the_key_that_is_said_or_the_buckets(unloading: Warehouse) -> None:
    s3 = unloading.client("s3")
    allow_delete(unloading)
    key = unloading.client("kms").create_key()["KeyMetadata"]["Arn"]
    rights = document({"Effect": "Allow", "Action": ["s3:*", "kms:*"], "Resource": "*"})
    unloading.client("iam").put_role_policy(RoleName="unloads", PolicyName="own", PolicyDocument=rights)

    def kind(options: str) -> str:
        unloading.run(unload(f"csv parallel off allowoverwrite {options}"))
        return s3.head_object(Bucket=BUCKET, Key="out/result_000")["ServerSideEncryption"]

    assert [kind(""), kind("encrypted auto"), kind(f"kms_key_id '{key}' encrypted")] == ["AES256", "AES256", "aws:kms"]
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}}
    s3.put_bucket_encryption(Bucket=BUCKET, ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert kind("encrypted auto") == "aws:kms"


@pytest.mark.parametrize(("option", "ending"), [("gzip", ".gz"), ("bzip2", ".bz2"), ("zstd", ".zst")])
def test_what_is_packed_is_loaded_again(unloading: Warehouse, option: str, ending: str) -> None:
    query = "select ''a|\\\\b''::varchar(9) as a union all select chr(10) || ''x'' order by 1"
    unloading.run(unload(f"escape addquotes {option} parallel off", query))
    assert sorted(objects(unloading)) == [f"result_000{ending}"]
    unloading.run("create table back (a varchar(9))")
    unloading.run(f"copy back from 's3://{BUCKET}/out/' iam_role default escape removequotes {option}")
    assert unloading.rows("select a from back order by 1") == [("\nx",), ("a|\\b",)]


def test_what_was_unloaded_is_counted(unloading: Warehouse) -> None:
    query = unloading.run(unload("csv gzip"))["RedshiftQueryId"]
    counts = "unloaded_rows, unloaded_files_count, file_format, compression_type"
    assert unloading.rows(f"select {counts} from sys_unload_history where query_id = {query}") == [
        (2, 2, "Csv", "gzip")
    ]


def test_a_limit_outside_is_refused(unloading: Warehouse) -> None:
    assert "Limit clause is not supported" in unloading.error(unload("csv", "select 1 as a limit 1"))


def test_what_was_unloaded_is_loaded_again(unloading: Warehouse) -> None:
    unloading.run("create table back (id int, note varchar(9), total decimal(4,2), ok boolean)")
    for options, load in (
        ("format parquet manifest", "parquet manifest"),
        ("csv manifest allowoverwrite", "csv manifest"),
    ):
        unloading.run(unload(options))
        unloading.run(f"copy back from 's3://{BUCKET}/out/result_manifest' iam_role default format {load}")
    assert unloading.rows("select distinct id, total, ok from back order by 1") == [(1, "1.50", True), (2, None, False)]
