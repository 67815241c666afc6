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
        "csv fixedwidth '1:2'", "cleanpath allowoverwrite", "maxfilesize 1 mb", "cleanpath", "partition by (id)", "encrypted auto",
    ],
)  # fmt: skip
def test_options_that_do_not_go_together_or_are_not_there_are_refused(unloading: Warehouse, options: str) -> None:
    unloading.error(unload(options))
    assert objects(unloading) == {}


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
