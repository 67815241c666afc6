"""A conversion or merge that is interrupted ends within seconds, its threads with it, and leaves no file."""

import io
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from gzip import compress
from typing import BinaryIO, cast

import pytest

from rds_lake.convert.local.lines import InputFile
from rds_lake.convert.local.table import convert_table
from rds_lake.convert.merging.merge import merge_changes
from rds_lake.convert.merging.unchanged_rows import PreviousFile
from rds_lake_tests.convert.reading import options_of
from rds_lake_tests.convert.test_merge import change, day, item
from rds_lake_tests.fakes.sinks import MemorySink, file_of

LINE = json.dumps({"Item": {"pk": {"S": "x" * 200}, "sk": {"N": "1"}}}).encode() + b"\n"


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


class Slow(io.RawIOBase):
    """Lines without end, some at a time; at the 20th read, when all threads are at work, `interrupt` is called."""

    def __init__(self, interrupt: Callable[[], None] = interrupt) -> None:
        super().__init__()
        self.reads, self.interrupt = 0, interrupt

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        self.reads += 1
        if self.reads == 20:
            self.interrupt()
        time.sleep(0.01)
        return LINE * 100


@contextmanager
def ends_interrupted() -> Iterator[None]:
    """The block must end with KeyboardInterrupt, within seconds, and leave no thread behind."""
    before, began = set(threading.enumerate()), time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        yield
    assert time.monotonic() - began < 100, "the reads alone would go on for ever"
    assert [one for one in threading.enumerate() if one not in before] == []


def test_a_conversion_that_is_interrupted_reads_no_further_and_leaves_no_file() -> None:
    sink, streams = MemorySink(), [Slow(), Slow()]
    inputs = [
        InputFile(name=str(number), open=cast(Callable[[], BinaryIO], lambda one=one: one))
        for number, one in enumerate(streams)
    ]
    with ends_interrupted():
        convert_table(inputs, sink=sink, options=options_of(chunk_bytes=50_000, part_bytes=1, memory_bytes=1))
    reads = sum(one.reads for one in streams)
    time.sleep(0.2)
    assert sum(one.reads for one in streams) == reads
    assert (sink.files, sink.open_names) == ({}, set())


def test_sigterm_given_to_one_of_eight_converting_threads_ends_them_all() -> None:
    """As Dagster ends a run: SIGTERM does what Ctrl-C does. The system may give it to any thread."""
    hit: list[str] = []

    def terminate() -> None:
        hit.append(threading.current_thread().name)
        if len(hit) == 1:
            signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    sink, streams = MemorySink(), [Slow(terminate) for _ in range(16)]
    inputs = [
        InputFile(name=str(number), open=cast(Callable[[], BinaryIO], lambda one=one: one))
        for number, one in enumerate(streams)
    ]
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with ends_interrupted():
            convert_table(inputs, sink=sink, options=options_of(chunk_bytes=50_000, workers=8, memory_bytes=2 * 10**9))
    finally:
        signal.signal(signal.SIGTERM, before)
    assert hit[0].startswith("convert_")
    assert (sink.files, sink.open_names) == ({}, set())


def test_a_file_at_fault_is_named_though_the_others_only_stopped_for_it() -> None:
    good = InputFile(name="good", open=lambda: io.BytesIO(compress(LINE * 20_000)))
    inputs = [good, file_of(["no json"], "bad")]
    with pytest.raises(Exception, match="bad, line 1"):
        convert_table(inputs, sink=MemorySink(), options=options_of(chunk_bytes=20_000))


def test_a_merge_that_is_interrupted_opens_no_further_file_and_leaves_none() -> None:
    items = [item(str(number), str(number)) for number in range(8)]
    before, whole = day(items)
    (file,) = whole.files
    opened: list[int] = []

    def slow(number: int) -> BinaryIO:
        opened.append(number)
        if len(opened) == 4:
            os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.1)
        return io.BytesIO(before.files[file.name])

    previous = [
        PreviousFile(name=str(number), open=lambda number=number: slow(number), bytes=10**9) for number in range(500)
    ]
    sink = MemorySink()
    changes = [change(item("0", "0"), item("0", "0", n={"S": "new"}), 1)]
    with ends_interrupted():
        merge_changes(
            previous,
            [[file_of(changes)]],
            known=whole.schema,
            sink=sink,
            options=options_of(keys=("pk", "sk"), part_bytes=1),
        )
    # A busy machine delivers the signal late, and a file takes a tenth of a second.
    assert len(opened) < 100
    assert (sink.files, sink.open_names) == ({}, set())
