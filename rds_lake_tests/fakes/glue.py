"""What does a Glue run's work without Spark: the local engine, asked and answering as the Spark job is.

What belongs here: this stand-in. What Spark makes of the same request is tested in `convert/test_spark.py`.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from rds_lake.convert.local.lines import InputFile
from rds_lake.convert.local.table import ConvertOptions, convert_table
from rds_lake.convert.spark.request import JobRequest, JobResult, parse_request, render_failure, render_result
from rds_lake.errors import ConversionError
from rds_lake_tests.fakes.sinks import MemorySink


@dataclass
class LocalSpark:
    """Converts what a run's arguments ask for; `requests` remembers every one. `before` is called first."""

    s3: Any
    requests: list[str] = field(default_factory=list)
    before: Callable[[], object] = lambda: None

    def __call__(self, arguments: dict[str, Any]) -> str | None:
        self.before()
        self.requests.append(arguments["--request"])
        request = parse_request(self._get(arguments["--request"]).decode())
        try:
            answer = render_result(self._convert(request))
        except ConversionError as error:
            self._put(request.result, render_failure(error).encode())
            return "ConversionError"
        self._put(request.result, answer.encode())
        return None

    def _convert(self, request: JobRequest) -> JobResult:
        sink = MemorySink()
        options = ConvertOptions(
            keys=request.keys,
            format=request.format,
            numbers=request.numbers,
            limits=request.limits,
            known=request.known,
        )
        found = convert_table([self._input(one.uri) for one in request.inputs], sink=sink, options=options)
        for name, body in sink.files.items():
            self._put(f"{request.target}{name}.{request.format}", body)
        files = tuple(replace(file, name=f"{file.name}.{request.format}") for file in found.files)
        return JobResult(converted=replace(found, files=files))

    def _input(self, uri: str) -> InputFile:
        return InputFile(name=uri, open=lambda: io.BytesIO(self._get(uri)))

    def _get(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def _put(self, uri: str, body: bytes) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self.s3.put_object(Bucket=bucket, Key=key, Body=body)
