"""Converts a whole table: files of DynamoDB JSON to files of typed columns, each item once.

Usually one pass is enough. Workers take chunks from the files and write parts with the plan known so far. A part whose columns
turn out too narrow (integers, if the last file has fractions) is removed, and its chunks are read again with the newest plan. A
part that only lacks columns is kept, because Athena finds columns by name. So the columns do not depend on the order of items.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from rds_lake.convert.local.compiled import library
from rds_lake.convert.local.lines import InputFile, chunks
from rds_lake.convert.local.memory import steady_memory
from rds_lake.convert.local.parts import Compression, Format, Sink, writers
from rds_lake.convert.local.plan import Plan
from rds_lake.convert.local.schema import Schema
from rds_lake.convert.local.source import ChunkIds, Progress, Source
from rds_lake.convert.local.worker import Part, Shares, Worker, stays
from rds_lake.convert.rules.columns import Numbers, Rules
from rds_lake.convert.rules.converted import Converted, ConvertedFile, converted
from rds_lake.convert.rules.tree import Limits, Node, from_plain, merge
from rds_lake.errors import ConversionError
from rds_lake.threads import StoppedError, in_threads

_CHUNK = 2 * 1024 * 1024
_SAMPLE = 64 * 1024
_SAMPLED_FILES = 8
_MB = 1024 * 1024
_WORTH_A_WORKER = _MB  # bytes of files as stored, for each worker
_BASE = 180 * _MB  # interpreter, pyarrow, allocator
_LEAST = 60 * _MB  # one worker: a chunk, its arrays, a small row group, the encoded pages


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertOptions:
    """The user's settings. `keys`: the key attributes; `known`: the `schema` of earlier dates, whose types get no narrower.

    `memory_bytes` bounds the process: fewer workers run on a machine with many cores. `part_bytes` is the usual size of a file,
    `chunk_bytes` that of a chunk of lines. `parser`: `portable` does not use the compiled parser even where it was built.
    """

    keys: Sequence[str] = ()
    format: Format = "parquet"
    compression: Compression = "snappy"
    numbers: Numbers = "exact"
    limits: Limits = field(default_factory=Limits)
    known: dict[str, Any] | None = None
    workers: int | None = None
    memory_bytes: int = 600 * _MB
    part_bytes: int = 256 * _MB
    chunk_bytes: int = _CHUNK
    parser: Literal["auto", "portable"] = "auto"


def convert_table(
    inputs: Sequence[InputFile],
    *,
    sink: Sink,
    options: ConvertOptions,
    progress: Callable[[Progress], None] = lambda _: None,
) -> Converted:
    """Convert all items of the inputs. ConversionError names file and line.

    After an error no file is left in the sink. An interrupt also ends it, and its threads, within seconds, and leaves no file.
    """
    if len({file.name for file in inputs}) < len(inputs):
        raise ValueError("two input files have one name")
    run = _Run(inputs, sink, options, progress)
    try:
        with steady_memory():
            return run.convert()
    except BaseException:
        run.remove(run.parts)
        raise


class _Run:
    """One conversion: its schema, and the parts written so far."""

    def __init__(
        self, inputs: Sequence[InputFile], sink: Sink, options: ConvertOptions, progress: Callable[[Progress], None]
    ) -> None:
        self.inputs, self.sink, self.options, self.progress = inputs, sink, options, progress
        self.parts: list[Part] = []
        self.passes = 0
        rules = Rules(keys=options.keys, numbers=options.numbers, flat=options.format == "csv")
        root = Node(fields={})
        if options.known is not None:
            merge(root, from_plain(options.known), options.limits)
        self.compiled = library() if options.parser == "auto" else None
        self.schema = Schema(root, rules, options.limits, compiled=self.compiled)

    def convert(self) -> Converted:
        self._sample()
        read, again, todo = 0, 0, None
        while todo is None or todo:
            source = Source(self.inputs, self.options.chunk_bytes, todo, self.progress)
            dropped = self._pass(source)
            read, again = (source.items, 0) if todo is None else (read, again + source.items)
            plan, form = self.schema.plan, self.options.format
            stale = [part for part in self.parts if not stays(part.schema, plan, form)]
            self.remove(stale)
            todo = _together([*dropped, *(part.chunks for part in stale)])
        rows = sum(part.rows for part in self.parts)
        assert rows == read, f"{rows} rows of {read} items"
        files = [ConvertedFile(name=part.name, bytes=part.bytes, rows=part.rows) for part in self.parts]
        result = converted(self.schema.plan.columns, self.schema.root, files, items=read, again=again)
        return replace(result, parser="compiled", left=self.schema.left) if self.compiled else result

    def remove(self, parts: Sequence[Part]) -> None:
        """Remove these parts from the sink."""
        for part in parts:
            self.sink.remove(part.name)
        gone = {part.name for part in parts}
        self.parts = [part for part in self.parts if part.name not in gone]

    def _sample(self) -> None:
        """Learn from the first lines of some files. Keys are hashed, so these lines are a sample: few parts become stale."""
        step = max(1, len(self.inputs) // _SAMPLED_FILES)
        for file in self.inputs[::step][:_SAMPLED_FILES]:
            for chunk in chunks(file, _SAMPLE):
                self.schema.learn(chunk)
                break

    def _pass(self, source: Source) -> list[ChunkIds]:
        """Convert all chunks of the source; returns the chunks of parts that were dropped."""
        shares = self._shares()
        self.passes += 1  # a name is never used twice, not even that of a part that was removed
        workers = [
            Worker(source, self.schema, self.sink, shares, number=self.passes * 1000 + number)
            for number in range(shares.workers)
        ]
        failures: list[BaseException] = []

        def work(worker: Worker) -> None:
            if (failure := worker.run()) is not None:
                failures.append(failure)

        try:
            in_threads(work, workers, threads=shares.workers, name="convert", stop=source.stop)
        except StoppedError:
            if not failures:
                raise
        finally:
            for worker in workers:
                self.parts += worker.parts
        if failures:
            raise _one_error(failures)
        return [worker.dropped for worker in workers]

    def _shares(self) -> Shares:
        options = self.options
        workers, row_group_bytes = shares_of(options)
        sizes = [file.bytes for file in self.inputs]
        if options.workers is None and None not in sizes:
            # A small table gets one file, not one per core, whichever core happened to be first.
            workers = min(workers, max(1, sum(filter(None, sizes)) // _WORTH_A_WORKER))
        return Shares(
            workers=workers,
            row_group_bytes=row_group_bytes,
            part_bytes=options.part_bytes,
            format=options.format,
            open=writers(options.format, _key_names(self.schema.plan, options.keys), options.compression),
        )


def shares_of(options: ConvertOptions) -> tuple[int, int]:
    """Returns how many workers fit into the memory, and how many bytes of rows each may collect for a row group."""
    room = room_of(options)
    workers = max(1, min(cores(options), room // _LEAST))
    return workers, int(min(64 * _MB, room / workers / 4))


def room_of(options: ConvertOptions) -> int:
    """Returns the bytes of memory for data, without the interpreter and its libraries."""
    return max(options.memory_bytes - _BASE, _LEAST)


def cores(options: ConvertOptions) -> int:
    """Returns how many threads can run at once."""
    return options.workers or len(os.sched_getaffinity(0))


def _together(ids: Sequence[ChunkIds]) -> ChunkIds:
    together: ChunkIds = {}
    for chunks_by_file in ids:
        for file, numbers in chunks_by_file.items():
            together.setdefault(file, set()).update(numbers)
    return together


def _key_names(plan: Plan, keys: Sequence[str]) -> list[str]:
    return [column.name for column in plan.columns if column.original in keys]


def _one_error(failures: Sequence[BaseException]) -> BaseException:
    """Returns the error to raise: first any that is not ConversionError, else one ConversionError for all wrong files.

    Workers that only stopped because of another worker's error do not count.
    """
    failures = [failure for failure in failures if not isinstance(failure, StoppedError)] or failures
    bad_input = [failure for failure in failures if isinstance(failure, ConversionError)]
    if len(bad_input) < len(failures):
        return next(failure for failure in failures if not isinstance(failure, ConversionError))
    if len(bad_input) == 1:
        return bad_input[0]
    problems = sorted({problem for failure in bad_input for problem in failure.problems})
    return ConversionError(bad_input[0].headline, problems)
