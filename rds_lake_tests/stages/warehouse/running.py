"""A cluster beside a lake on the local cloud, and the verbs that tests of a warehouse's run are written in."""

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.warehouse.redshift_data import RedshiftDataGateway
from rds_lake.localcloud.cloud import LocalCloud
from rds_lake.model.warehouse.plan import FileFormat, LakeTable, Load, LoadBy, Mode, Plan, Step, Unload
from rds_lake.model.warehouse.record import Phase, Piece, PieceKind, RunRecord
from rds_lake.model.warehouse.target import Target
from rds_lake.stages.warehouse.work.advance import advance
from rds_lake.stages.warehouse.work.run_context import RunContext
from rds_lake_tests.localcloud.permissions.calling import document, trust
from rds_lake_tests.stages.conftest import SESSION
from rds_lake_tests.support.world import post

BUCKET, REPORTS = "acme-lake", "acme-reports"
BEGAN = datetime(2026, 11, 20, 5, tzinfo=UTC)


def no_rows(source: str, day: date, views: Any) -> dict[str, Any]:
    """A lake without tables."""
    return {}


def plan_of(*pieces: Load | Step | Unload, run: str = "run-1", warehouse: str = "usage") -> Plan:
    return Plan(
        warehouse=warehouse,
        run=run,
        mode=Mode.EXISTING,
        loads=tuple(piece for piece in pieces if isinstance(piece, Load)),
        steps=tuple(piece for piece in pieces if isinstance(piece, Step)),
        unloads=tuple(piece for piece in pieces if isinstance(piece, Unload)),
    )


def record_of(plan: Plan, began_at: datetime = BEGAN) -> RunRecord:
    kinds = ((PieceKind.LOAD, plan.loads), (PieceKind.STEP, plan.steps), (PieceKind.UNLOAD, plan.unloads))
    pieces = tuple(Piece(kind=kind, name=each.name) for kind, some in kinds for each in some)
    return RunRecord(plan=plan, phase=Phase.WORKING, pieces=pieces, began_at=began_at)


def lake_load(table: str, *, day: str = "2026-11-20", by: LoadBy = LoadBy.COPY, name: str = "") -> Load:
    return Load(
        name=name or table, origin=LakeTable(source="shop", table=table, snapshot_date=date.fromisoformat(day)), by=by
    )


def csv_result(name: str, query: str, **changes: Any) -> Unload:
    """One CSV with a header, which the reports' bucket has under the result's name."""
    values: dict[str, Any] = {
        "to": f"s3://{REPORTS}/{name}/",
        "format": FileFormat.CSV,
        "header": True,
        "single_file": True,
    }
    return Unload(name=name, query=query, **(values | changes))


@dataclass(slots=True)
class Running:
    """One warehouse `nightly` of the local cloud."""

    cloud: LocalCloud
    rows_of_lake: Any = no_rows
    wait_seconds: int = 10
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A client that the cloud itself does not use."""
        if service not in self.clients:
            self.clients[service] = AwsClients(
                SESSION, region="us-east-1", endpoint_url=self.cloud.url, attempts=2
            ).client(service)
        return self.clients[service]

    def prepare(self) -> None:
        """A cluster whose role may read and write every bucket, and a bucket for reports; what is there already stays."""
        if self.client("redshift").describe_clusters()["Clusters"]:
            return
        iam, s3 = self.client("iam"), self.client("s3")
        role = iam.create_role(RoleName="warehouse", AssumeRolePolicyDocument=trust("redshift.amazonaws.com"))["Role"][
            "Arn"
        ]
        may = {"Effect": "Allow", "Action": ["s3:*", "kms:*", "glue:*"], "Resource": "*"}
        iam.put_role_policy(RoleName="warehouse", PolicyName="own", PolicyDocument=document(may))
        self.client("redshift").create_cluster(
            ClusterIdentifier="nightly", NodeType="ra3.large", MasterUsername="admin", ManageMasterPassword=True,
            IamRoles=[role], DefaultIamRoleArn=role,
        )  # fmt: skip
        there = {each["Name"] for each in s3.list_buckets()["Buckets"]}
        for bucket in {BUCKET, REPORTS} - there:
            s3.create_bucket(Bucket=bucket)

    @property
    def target(self) -> Target:
        return Target(database="dev", role="default", cluster="nightly")

    def context(self, run: str = "run-1", **changes: Any) -> RunContext:
        context = RunContext(
            data=RedshiftDataGateway(self.client("redshift-data")), s3=S3Gateway(self.client("s3")), bucket=BUCKET,
            staging=f"lake/_warehouses/usage/staging/{run}/", statements=f"rds-lake/abc/usage/{run}/", rows_of_lake=self.rows_of_lake,
            clock=lambda: BEGAN, wait_seconds=self.wait_seconds,
        )  # fmt: skip
        return replace(context, **changes)

    def finish(self, record: RunRecord, *, turns: int = 200, **changes: Any) -> RunRecord:
        """Turn after turn, until every piece has ended."""
        for _ in range(turns):
            if all(piece.has_ended for piece in record.pieces):
                return record
            record = advance(record, self.target, self.context(record.plan.run, **changes))
        raise AssertionError(f"after {turns} turns: {record.pieces}")

    def run(self, *pieces: Any, run: str = "run-1", **changes: Any) -> RunRecord:
        return self.finish(record_of(plan_of(*pieces, run=run)), **changes)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        data = RedshiftDataGateway(self.client("redshift-data"))
        started = data._client.execute_statement(Sql=sql, ClusterIdentifier="nightly", Database="dev")["Id"]
        state = data.look(started, wait_seconds=30)
        assert state is not None and state.is_good, state
        return data.rows(started) if state.parts[0].has_rows else []

    def faults(self, **body: Any) -> None:
        """Let statements fail, be late or be refused."""
        status, answer = post(f"{self.cloud.url}/_local/faults", body)
        assert status == 200, answer

    def put(self, key: str, body: bytes, bucket: str = BUCKET) -> str:
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        return f"s3://{bucket}/{key}"

    def objects(self, bucket: str = REPORTS, prefix: str = "") -> dict[str, bytes]:
        s3 = self.client("s3")
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", ())]
        return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}


def errors(record: RunRecord) -> dict[str, str]:
    """What pieces say, of those that did not end well."""
    return {piece.name: piece.error or "" for piece in record.pieces if piece.error}
