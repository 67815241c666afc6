"""A million files are held packed: whatever is asked of them is what plain objects would say."""

from base64 import b64encode
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.model.lake.data_files import DataFile, DataFiles
from rds_lake.stages.databases.exported_files import ExportedFile, ExportedFiles
from rds_lake.stages.databases.file_facts import FileFacts
from rds_lake.stages.databases.footers import Footer
from rds_lake.stages.databases.relocation.arrivals import Arrivals
from rds_lake.stages.databases.relocation.copy_plan import CopyPlan

names = st.from_regex(r"part-\d{5}-[a-f0-9ü ]{0,8}\.parquet", fullmatch=True)
below = st.one_of(names, st.builds("{}/{}".format, st.integers(1, 12), names))
entries = st.lists(st.tuples(below, st.integers(0, 2**40)), max_size=80, unique_by=lambda entry: entry[0])


def packed(folder: str, found: list[tuple[str, int]]) -> ExportedFiles:
    files = ExportedFiles(folder)
    for name, size in found:
        files.add(name, size)
    return files


def planned(tables: list[list[tuple[str, int]]]) -> CopyPlan:
    made = [SimpleNamespace(files=packed(f"x/t{n}/", found)) for n, found in enumerate(tables)]
    return CopyPlan(cast(Any, made), [f"lake/t{n}/" for n in range(len(tables))])


@given(entries)
def test_files_come_out_as_they_went_in(found: list[tuple[str, int]]) -> None:
    files = packed("exports/t/", found)
    expected = [
        ExportedFile(key=f"exports/t/{name}", bytes=size, index=int(folder or 0), name=last)
        for name, size in found
        for folder, _, last in [name.rpartition("/")]
    ]
    assert list(files) == expected
    assert [files[n] for n in range(len(files))] == expected
    assert list(reversed(files)) == expected[::-1]
    assert list(files[2:70:3]) == expected[2:70:3]
    assert files.bytes == sum(size for _, size in found)
    with pytest.raises(IndexError):
        files[len(found)]


@given(st.lists(entries, max_size=4))
def test_a_plan_has_every_file_once_and_in_turn(tables: list[list[tuple[str, int]]]) -> None:
    plan = planned(tables)
    assert len(plan) == sum(map(len, tables))
    assert sorted(copy.file.key for copy in plan) == sorted(
        f"x/t{n}/{name}" for n, found in enumerate(tables) for name, _ in found
    )
    rounds = [plan.place(at)[0] for at in range(len(plan))]
    assert rounds == sorted(rounds)


@given(st.lists(entries, min_size=1, max_size=3), st.randoms(use_true_random=False), st.data())
def test_a_copy_counts_as_arrived_exactly_when_the_listing_has_it_with_its_size(
    tables: list[list[tuple[str, int]]], dice: Any, data: st.DataObject
) -> None:
    """In AWS's own order of one layout; where two are mixed, a copy may be asked for by HEAD besides."""
    tables = [sorted((f"1/{name.rpartition('/')[2]}", size) for name, size in found) for found in tables]
    tables = [list(dict(found).items()) for found in tables]
    plan = planned(tables)
    fate = {at: data.draw(st.sampled_from(["there", "short", "missing"])) for at in range(len(plan))}
    listed: dict[str, list[tuple[str, int]]] = {}
    for at, copy in enumerate(plan):
        if fate[at] != "missing":
            folder = copy.target_key.rpartition("/")[0]
            listed.setdefault(folder, []).append((copy.target_key, copy.file.bytes + (fate[at] == "short")))
    arrived = Arrivals(plan)
    arrived.add([("elsewhere/x", 1)])
    for folder, items in listed.items():
        items.append((f"{folder}/0-foreign", 1))
        items.sort()
        while items:  # pages of any length
            count = dice.randint(1, 5)
            arrived.add(items[:count])
            items[:count] = []
    assert {at: arrived.has(at) for at in fate} == {at: what == "there" for at, what in fate.items()}


checksums = st.one_of(
    st.none(),
    st.builds(lambda raw: f"CRC64NVME:{b64encode(raw).decode()}", st.binary(min_size=8, max_size=8)),
    st.builds(lambda raw: f"CRC32:{b64encode(raw).decode()}", st.binary(min_size=4, max_size=4)),
    st.builds(lambda raw: f"SHA256:{b64encode(raw).decode()}", st.binary(min_size=32, max_size=32)),
    st.sampled_from(["CRC32:", "CRC32:no base64", "CRC64NVME:AAAA", "CRC32:AAAAAB==", "odd"]),
)


files = st.lists(
    st.builds(
        DataFile,
        key=st.one_of(st.builds("lake/t/snapshot_date=2026-11-20/x/{}".format, below), st.text(max_size=5)),
        bytes=st.integers(0, 2**40),
        rows=st.integers(0, 2**40),
        checksum=checksums,
    ),
    max_size=80,
)


@given(files)
def test_a_manifests_files_come_out_as_they_went_in_and_in_order(found: list[DataFile]) -> None:
    packed = DataFiles(found)
    assert packed == tuple(found)
    assert tuple(found) == packed
    assert hash(packed) == hash(tuple(found))
    assert list(packed[3:70:2]) == found[3:70:2]
    assert list(reversed(packed)) == found[::-1]
    assert (packed.bytes, packed.rows) == (sum(file.bytes for file in found), sum(file.rows for file in found))
    assert list(packed.by_key()) == sorted(found, key=lambda file: file.key)
    assert packed != (*found, *found, DataFile(key="one more", bytes=0, rows=0))


@given(st.lists(st.tuples(st.integers(0, 9), checksums, st.integers(0, 2**40)), max_size=30))
def test_facts_are_the_last_that_were_reported(told: list[tuple[int, str | None, int]]) -> None:
    facts, expected = FileFacts(10), dict[int, tuple[str | None, Footer]]()
    for at, checksum, rows in told:
        footer = Footer(rows=rows, columns=(("id", "bigint"), ("n", f"decimal({rows % 38},0)")))
        facts.set_checksum(at, checksum)
        facts.set_footer(at, footer)
        expected[at] = (checksum, footer)
    assert {at: (facts.checksum(at), facts.footer(at)) for at in expected} == expected
    for at in set(range(10)) - set(expected):
        with pytest.raises(KeyError):
            facts.footer(at)
