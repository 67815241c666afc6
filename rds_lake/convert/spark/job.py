"""The Spark job: one table of DynamoDB JSON to Parquet or ORC, on AWS Glue, EMR Serverless or any Spark from 3.5.

    spark-submit --py-files rds_lake_rules.zip spark_job.py --request s3://…/request.json

    --request URI    the request (`request.py`), the only argument it needs
    --mount FOLDER   s3://bucket/key is FOLDER/bucket/key: for a Spark without S3

Other arguments are ignored, because Glue adds its own. It needs only Python 3.11 and Spark: this file is the script, and the zip
has the modules of rds-lake that it imports (`bundle.py`). Columns and values equal those of the local engine. It writes a small
result file. If the input is wrong, the job fails, and the result file names the line.

    1  names, sizes and MD5 of the files                          files.py
    2  every line is read in Python: the schema, and bad lines    scan.py
    3  Spark reads the lines again, with the types known          columns.py
    4  the rows of the new files are counted
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from py4j.protocol import Py4JJavaError  # pyright: ignore[reportMissingImports]
from pyspark.sql import DataFrame, SparkSession  # pyright: ignore[reportMissingImports]
from pyspark.sql import functions as f  # pyright: ignore[reportMissingImports]

from rds_lake.convert.rules.columns import Column, Rules, build_columns, widen_decimals
from rds_lake.convert.rules.converted import ConvertedFile, converted
from rds_lake.convert.rules.tree import Node, from_plain, merge
from rds_lake.convert.spark.columns import STRICT, typed_columns, wrapped_items
from rds_lake.convert.spark.files import Files, key, key_of_name, unverified
from rds_lake.convert.spark.request import (
    JobInput,
    JobRequest,
    JobResult,
    parse_request,
    render_failure,
    render_result,
)
from rds_lake.convert.spark.scan import Seen, look_at_all
from rds_lake.errors import ConversionError

_SETTINGS = {
    "spark.sql.caseSensitive": "true",  # `Name` and `name` are two attributes
    "spark.sql.ansi.enabled": "true",  # a number that does not fit is an error, not null
    "spark.sql.optimizer.enableJsonExpressionOptimization": "false",  # it would parse once per field
    "spark.sql.execution.pythonUDF.arrow.enabled": "false",  # the cluster may have no pyarrow
    "spark.sql.parquet.writeLegacyFormat": "false",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
}


def main(arguments: Sequence[str]) -> None:
    """Run the job with the arguments of a command line."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--request", required=True)
    parser.add_argument("--mount")
    known, _ = parser.parse_known_args(arguments)
    builder: SparkSession.Builder = SparkSession.builder  # pyright: ignore[reportAssignmentType]
    files = Files(builder.appName("rds-lake").getOrCreate(), known.mount)
    run(files, parse_request(files.read_text(known.request)))


def run(files: Files, request: JobRequest) -> JobResult:
    """Convert, and write the result file. ConversionError names files and lines, and is also written to the file."""
    for name, value in _SETTINGS.items():
        files.spark.conf.set(name, value)
    try:
        result = _Job(files, request).convert()
    except ConversionError as error:
        files.write_text(request.result, render_failure(error))
        raise
    files.write_text(request.result, render_result(result))
    return result


@dataclass(frozen=True, slots=True)
class _Job:
    files: Files
    request: JobRequest

    def convert(self) -> JobResult:
        _require_none(self.files.problems(self.request.inputs))
        seen = self._scan()
        items = seen.lines.total()
        root = self._with_known(seen.root)
        rules = Rules(keys=self.request.keys, numbers=self.request.numbers)
        widen_decimals(build_columns(root, rules))
        columns = build_columns(root, rules)
        written = self._write(columns) if items else []
        rows = sum(file.rows for file in written)
        if rows != items:
            raise ConversionError(
                "the job did not write as many rows as it read; nothing was published. Start it again:",
                [f"{self.request.target}: {rows:,} rows of {items:,} items"],
            )
        return JobResult(
            converted=converted(columns, root, written, items=items), unverified=unverified(self.request.inputs)
        )

    def _scan(self) -> Seen:
        inputs = self.request.inputs
        if not inputs:
            return Seen()
        lines = self.files.spark.read.option("lineSep", "\n").text(self._paths())
        try:
            seen = look_at_all(lines.select(f.input_file_name(), lines.value.cast("binary")).rdd, self.request.limits)
        except Py4JJavaError:
            _require_none(self._unreadable(inputs))
            raise
        uris = {key(self.files.path(file.uri)): file.uri for file in inputs}
        _require_none([(f"{uris[key_of_name(file)]}, line {line}", what) for file, line, what in seen.problems])
        items = {uris[key_of_name(file)]: lines for file, lines in seen.lines.items()}
        _require_none(
            [
                (file.uri, f"it has {items.get(file.uri, 0)} items, the manifest says {file.items}")
                for file in inputs
                if file.items not in (None, items.get(file.uri, 0))
            ]
        )
        return seen

    def _unreadable(self, inputs: Sequence[JobInput]) -> list[tuple[str, str]]:
        """Returns the files that cannot be read to their end. Spark's error names no file, so each half is tried again."""
        try:
            self.files.spark.read.text([self.files.pattern(file.uri) for file in inputs]).count()
        except Py4JJavaError as error:
            if len(inputs) > 1:
                half = len(inputs) // 2
                return self._unreadable(inputs[:half]) + self._unreadable(inputs[half:])
            cause = str(error.java_exception).partition("\n")[0]
            return [(file.uri, f"it cannot be read, it is truncated or damaged ({cause})") for file in inputs]
        return []

    def _with_known(self, root: Node) -> Node:
        whole = Node(fields={})
        if self.request.known is not None:
            merge(whole, from_plain(self.request.known), self.request.limits)
        merge(whole, root, self.request.limits)
        if whole.text is not None:
            raise ConversionError(
                "the table has too many attributes for columns; raise `max_columns` of the source:",
                [f"{self.request.target}: {whole.text}"],
            )
        return whole

    def _write(self, columns: Sequence[Column]) -> list[ConvertedFile]:
        request = self.request
        reader = self.files.spark.read.schema(wrapped_items(columns)).options(**STRICT)
        items = reader.options(lineSep="\n", encoding="UTF-8").json(self._paths())
        table = items.select(*typed_columns(columns))
        target = self.files.path(request.target)
        options = {"compression": request.compression, "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false"}
        table.write.mode("overwrite").options(**options).format(request.format).save(target)
        return self._written(table)

    def _written(self, table: DataFrame) -> list[ConvertedFile]:
        """Returns the files that were written, with the number of rows that can be read from each."""
        request = self.request
        stored = self.files.spark.read.schema(table.schema).format(request.format)
        counts = stored.load(self.files.pattern(request.target)).groupBy(f.input_file_name()).count().collect()
        rows = {path.rpartition("/")[2]: count for path, count in counts}
        sizes = self.files.sizes(request.target)
        return [ConvertedFile(name=name, bytes=sizes[name], rows=rows[name]) for name in rows]

    def _paths(self) -> list[str]:
        return [self.files.pattern(file.uri) for file in self.request.inputs]


def _require_none(problems: Sequence[tuple[str, str]]) -> None:
    if problems:
        raise ConversionError(
            "input files differ from their manifest; nothing was published. Export again, or restore the files:",
            [f"{where}: {what}" for where, what in problems],
        )


if __name__ == "__main__":
    main(sys.argv[1:])
