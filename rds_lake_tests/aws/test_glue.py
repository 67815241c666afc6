"""Glue: limits of the batch calls, errors inside 200 answers, optimistic updates."""

from typing import Any

import pytest

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.glue import GlueGateway, table_input
from rds_lake.errors import AwsError, CatalogError, ConflictError, ThrottledError
from rds_lake.model.tables.glue import PartitionSpec, TableSpec
from rds_lake_tests.support.faults import Faults

COLUMNS = (("id", "bigint", "id: bigint"), ("note", "string", "note: text"))


def spec(name: str = "snapshots_orders", columns: tuple[tuple[str, str, str], ...] = COLUMNS) -> TableSpec:
    return TableSpec(
        name=name,
        columns=columns,
        partition_keys=(("snapshot_date", "string"),),
        location="s3://acme-lake/lake/shop/shop/public.orders/",
        description="Snapshots of shop.public.orders",
        parameters={"rds_lake.table": "shop.public.orders"},
    )


def partition(number: int, location: str = "s3://acme-lake/a/") -> PartitionSpec:
    return PartitionSpec(values=(f"d{number:04}",), location=location, columns=COLUMNS)


@pytest.fixture
def glue(clients: AwsClients) -> GlueGateway:
    gateway = GlueGateway(clients.glue)
    gateway.ensure_database("shop", description="the shop")
    return gateway


def test_a_view_that_another_run_deletes_between_two_calls_is_no_error(glue: GlueGateway, clients: AwsClients) -> None:
    view = table_input(spec("orders")) | {"TableType": "VIRTUAL_VIEW", "PartitionKeys": []}
    clients.glue.create_table(DatabaseName="shop", TableInput=view)
    events, once = clients.glue.meta.events, ["orders"]

    def meanwhile(**_: Any) -> None:
        if once:
            clients.glue.delete_table(DatabaseName="shop", Name=once.pop())

    events.register("before-call.glue.DeleteTable", meanwhile)
    glue.delete_view("shop", "orders")
    assert not once and glue.list_tables("shop") == {}


def test_a_database_is_ensured_however_often(glue: GlueGateway) -> None:
    glue.ensure_database("shop", description="again")
    assert glue.list_tables("shop") == {}


def test_a_table_reads_back_as_it_was_specified(glue: GlueGateway) -> None:
    glue.create_table("shop", spec())
    table = glue.find_table("shop", "snapshots_orders")
    assert table is not None
    assert (table.columns, table.partition_keys) == (COLUMNS, (("snapshot_date", "string"),))
    assert table.location == "s3://acme-lake/lake/shop/shop/public.orders/"
    assert table.parameters["classification"] == "parquet"
    assert not table.is_view
    assert glue.list_tables("shop") == {"snapshots_orders": table}
    assert glue.find_table("shop", "absent") is None


def test_a_table_input_is_what_athenas_parquet_reader_wants() -> None:
    """Input format, output format and serde by which Athena reads Parquet."""
    body = table_input(spec())
    storage = body["StorageDescriptor"]
    assert body["TableType"] == "EXTERNAL_TABLE"
    assert storage["SerdeInfo"]["SerializationLibrary"].endswith("ParquetHiveSerDe")
    assert storage["InputFormat"].endswith("MapredParquetInputFormat")
    assert storage["OutputFormat"].endswith("MapredParquetOutputFormat")
    assert [column["Name"] for column in storage["Columns"]] == ["id", "note"]


def test_a_table_that_exists_is_a_conflict(glue: GlueGateway) -> None:
    glue.create_table("shop", spec())
    with pytest.raises(ConflictError, match=r"shop\.snapshots_orders"):
        glue.create_table("shop", spec())


def test_more_tables_than_a_page_are_all_listed(glue: GlueGateway) -> None:
    for number in range(120):
        glue.create_table("shop", spec(f"t{number:03}"))
    assert len(glue.list_tables("shop")) == 120


def test_an_update_keeps_foreign_parameters_and_archives_nothing(
    glue: GlueGateway, clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SkipArchive: Glue keeps at most 100,000 versions of a table."""
    glue.create_table("shop", spec())
    existing = glue.find_table("shop", "snapshots_orders")
    assert existing is not None
    sent: list[dict[str, Any]] = []
    update = clients.glue.update_table
    monkeypatch.setattr(clients.glue, "update_table", lambda **body: (sent.append(body), update(**body))[1])
    foreign = type(existing)(
        name=existing.name,
        is_view=existing.is_view,
        columns=existing.columns,
        partition_keys=existing.partition_keys,
        location=existing.location,
        parameters=existing.parameters | {"owner.team": "data"},
        version_id=existing.version_id,
    )
    glue.update_table("shop", spec(columns=(*COLUMNS, ("new", "int", ""))), existing=foreign)
    assert sent[0]["SkipArchive"] is True
    assert sent[0].get("VersionId") == existing.version_id
    updated = glue.find_table("shop", "snapshots_orders")
    assert updated is not None
    assert updated.parameters["owner.team"] == "data"
    assert [name for name, _, _ in updated.columns] == ["id", "note", "new"]


def test_an_update_of_a_table_changed_in_between_is_a_conflict(glue: GlueGateway) -> None:
    glue.create_table("shop", spec())
    read = glue.find_table("shop", "snapshots_orders")
    assert read is not None
    glue.update_table("shop", spec(columns=(*COLUMNS, ("theirs", "int", ""))), existing=read)
    with pytest.raises(ConflictError):
        glue.update_table("shop", spec(columns=(*COLUMNS, ("ours", "int", ""))), existing=read)


def test_250_partitions_take_three_calls_and_read_back(glue: GlueGateway, clients: AwsClients) -> None:
    glue.create_table("shop", spec())
    faults = Faults(clients.glue)
    created = [partition(number) for number in range(250)]
    glue.create_partitions("shop", "snapshots_orders", created)
    assert faults.count("BatchCreatePartition") == 3
    asked = [item.values for item in created] + [("absent",)]
    found = glue.get_partitions("shop", "snapshots_orders", asked)
    assert set(found) == {item.values for item in created}
    assert found["d0007",].columns == COLUMNS
    glue.update_partitions("shop", "snapshots_orders", [partition(n, "s3://acme-lake/b/") for n in range(250)])
    assert faults.count("BatchUpdatePartition") == 3
    assert glue.get_partitions("shop", "snapshots_orders", [("d0249",)])["d0249",].location == "s3://acme-lake/b/"


def test_more_than_a_thousand_partitions_are_asked_for_in_turns(glue: GlueGateway, clients: AwsClients) -> None:
    glue.create_table("shop", spec())
    faults = Faults(clients.glue)
    assert glue.get_partitions("shop", "snapshots_orders", [(f"d{n}",) for n in range(2001)]) == {}
    assert faults.count("BatchGetPartition") == 3


def test_keys_glue_did_not_get_to_are_asked_again(
    glue: GlueGateway, clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter(
        [
            {"Partitions": [{"Values": ["a"]}], "UnprocessedKeys": [{"Values": ["b"]}]},
            {"Partitions": [{"Values": ["b"]}]},
        ]
    )
    monkeypatch.setattr(clients.glue, "batch_get_partition", lambda **arguments: next(answers))
    assert set(glue.get_partitions("shop", "t", [("a",), ("b",)])) == {("a",), ("b",)}


def test_partitions_that_exist_are_listed_one_by_one_while_the_others_are_created(glue: GlueGateway) -> None:
    """BatchCreatePartition answers 200 with an error per item."""
    glue.create_table("shop", spec())
    glue.create_partitions("shop", "snapshots_orders", [partition(1), partition(2)])
    with pytest.raises(CatalogError) as caught:
        glue.create_partitions("shop", "snapshots_orders", [partition(1), partition(2), partition(3)])
    assert len(caught.value.problems) == 2
    assert all("AlreadyExistsException" in problem for problem in caught.value.problems)
    assert glue.get_partitions("shop", "snapshots_orders", [("d0003",)])


def test_partitions_that_cannot_be_updated_are_listed(glue: GlueGateway) -> None:
    glue.create_table("shop", spec())
    with pytest.raises(CatalogError, match=r"d0001.*EntityNotFoundException"):
        glue.update_partitions("shop", "snapshots_orders", [partition(1)])


def test_an_item_error_without_details_is_still_an_error(
    glue: GlueGateway, clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients.glue, "batch_create_partition", lambda **arguments: {"Errors": [{}]})
    with pytest.raises(CatalogError, match="were not created"):
        glue.create_partitions("shop", "t", [partition(1)])


def test_concurrent_modification_is_a_conflict_and_throttling_is_absorbed(
    glue: GlueGateway, clients: AwsClients
) -> None:
    faults = Faults(clients.glue)
    faults.answer("GetTable", "ThrottlingException", times=1)
    assert glue.find_table("shop", "absent") is None
    faults.answer("CreateTable", "ConcurrentModificationException")
    with pytest.raises(ConflictError):
        glue.create_table("shop", spec())
    faults.answer("GetTables", "AccessDeniedException")
    with pytest.raises(AwsError, match="shop"):
        glue.list_tables("shop")


def test_partitions_that_glue_leaves_for_later_are_asked_for_with_pauses_and_not_for_ever(
    glue: GlueGateway, clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    glue.create_table("shop", spec())
    created = [partition(number) for number in range(5)]
    glue.create_partitions("shop", "snapshots_orders", created)
    pauses: list[float] = []
    patient = GlueGateway(clients.glue, sleep=pauses.append)
    batch_get, most = clients.glue.batch_get_partition, [2]

    def some(**arguments: Any) -> Any:
        """Glue answers for so many and leaves the rest."""
        wanted = arguments.pop("PartitionsToGet")
        answer: Any = batch_get(PartitionsToGet=wanted[: most[0]], **arguments) if most[0] else {}
        return answer | {"UnprocessedKeys": wanted[most[0] :]}

    monkeypatch.setattr(clients.glue, "batch_get_partition", some)
    asked = [item.values for item in created]
    assert set(patient.get_partitions("shop", "snapshots_orders", asked)) == set(asked)
    assert len(pauses) == 2
    most[0] = 0
    with pytest.raises(ThrottledError, match=r"shop\.snapshots_orders.* left 5 partitions unprocessed"):
        patient.get_partitions("shop", "snapshots_orders", asked)
    assert len(pauses) < 20
    assert pauses[2:] == sorted(pauses[2:])


def test_partitions_are_found_by_expression_and_deleted_25_at_a_time(glue: GlueGateway, clients: AwsClients) -> None:
    glue.create_table("shop", spec())
    created = [partition(number) for number in range(60)]
    glue.create_partitions("shop", "snapshots_orders", created)
    later = list(glue.find_partitions("shop", "snapshots_orders", "snapshot_date > 'd0057'"))
    assert [found.values for found in later] == [("d0058",), ("d0059",)]
    faults = Faults(clients.glue)
    glue.delete_partitions("shop", "snapshots_orders", [item.values for item in created])
    assert faults.count("BatchDeletePartition") == 3
    assert list(glue.find_partitions("shop", "snapshots_orders")) == []


def test_a_partition_that_is_gone_already_is_no_error_and_one_that_stays_is(
    glue: GlueGateway, monkeypatch: pytest.MonkeyPatch, clients: AwsClients
) -> None:
    glue.create_table("shop", spec())
    glue.delete_partitions("shop", "snapshots_orders", [("absent",)])
    refused = {"Errors": [{"PartitionValues": ["d0001"], "ErrorDetail": {"ErrorCode": "InternalServiceException"}}]}
    monkeypatch.setattr(clients.glue, "batch_delete_partition", lambda **arguments: refused)
    with pytest.raises(CatalogError, match=r"d0001: InternalServiceException"):
        glue.delete_partitions("shop", "snapshots_orders", [("d0001",)])
