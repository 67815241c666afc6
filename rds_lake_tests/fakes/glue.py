"""Does the work of a Glue run by the local engine instead of Spark, with the Spark job's request and result."""

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
    """Converts the table that a run's arguments name; `requests` lists the requests' URIs. `before` is called first."""

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
        converted = convert_table([self._input(item.uri) for item in request.inputs], sink=sink, options=options)
        for name, body in sink.files.items():
            self._put(f"{request.target}{name}.{request.format}", body)
        files = tuple(replace(file, name=f"{file.name}.{request.format}") for file in converted.files)
        return JobResult(converted=replace(converted, files=files))

    def _input(self, uri: str) -> InputFile:
        return InputFile(name=uri, open=lambda: io.BytesIO(self._get(uri)))

    def _get(self, uri: str) -> bytes:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        return self.s3.get_object(Bucket=bucket, Key=key)["Body"].read()

    def _put(self, uri: str, body: bytes) -> None:
        bucket, _, key = uri.removeprefix("s3://").partition("/")
        self.s3.put_object(Bucket=bucket, Key=key, Body=body)
