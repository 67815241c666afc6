"""Glue's jobs: a run executes the job's script with a local Spark, in its own process.

Local Spark has no S3. So every bucket is copied to a folder before the script runs with `--mount FOLDER`, and changed files are
copied back (`mounted_buckets.py`). Scripts are read from buckets only, and only signed requests can write to a bucket
(`http/gate.py`). Without pyspark or Java, a run ends as FAILED and says what to install. Tests may replace Spark by a `stand_in`,
and runs may end with a fault (`faults/faults.py`). The end of every run is sent to EventBridge.

What belongs here: CreateJob, GetJob, UpdateJob, DeleteJob, StartJobRun, GetJobRun, GetJobRuns, BatchStopJobRun.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from rds_lake.localcloud.events.sender import Events
from rds_lake.localcloud.faults.faults import Faults
from rds_lake.localcloud.faults.kinds import JobFault
from rds_lake.localcloud.glue.job_role import check_trust, job_role, missing_rights
from rds_lake.localcloud.glue.mounted_buckets import MountedBuckets, NotAnObjectError, place_of
from rds_lake.localcloud.http.app import ApiError, LocalCloudApp, RequestContext
from rds_lake.localcloud.http.loop import InProcessClients
from rds_lake.localcloud.permissions.acting import Actors, words

_INSTALL = "pip install 'rds-lake[spark]' and a Java runtime (apt-get install default-jre-headless)"
_RUNNING = ("STARTING", "RUNNING", "STOPPING")
Json = dict[str, Any]


@dataclass(slots=True)
class _Job:
    definition: Json
    runs: list[Json] = field(default_factory=list)

    @property
    def places(self) -> int:
        return int(self.definition.get("ExecutionProperty", {}).get("MaxConcurrentRuns", 1))


class GlueJobRuns:
    """Every job and run since the start or the last reset."""

    def __init__(
        self,
        app: LocalCloudApp,
        clients: InProcessClients,
        events: Events,
        faults: Faults,
        actors: Actors,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._clients, self._events, self._faults, self._actors = clients, events, faults, actors
        # Called with a run's arguments instead of Spark; returns the error, None for success.
        self.stand_in: Callable[[Json], str | None] | None = None
        self._clock = clock
        self._jobs: dict[str, _Job] = {}
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()
        # One thread, because two runs of Spark need more memory than most machines have.
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="glue")
        operations = {
            "CreateJob": self._create, "GetJob": self._get, "UpdateJob": self._update, "DeleteJob": self._delete,
            "StartJobRun": self._start,
            "GetJobRun": self._get_run, "GetJobRuns": self._get_runs, "BatchStopJobRun": self._stop,
        }  # fmt: skip
        for name, operation in operations.items():
            app.json_operations[f"AWSGlue.{name}"] = operation

    def reset(self) -> None:
        """Forget all jobs and end all runs; no event is sent."""
        with self._lock:
            self._jobs.clear()
            self.stand_in = None
            for child in self._children.values():
                child.kill()

    def close(self) -> None:
        self.reset()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _create(self, context: RequestContext, body: Json) -> Json:
        name = body["Name"]
        check_trust(self._actors, context, body.get("Role", ""))
        with self._lock:
            if name in self._jobs:
                raise ApiError("AlreadyExistsException", f"Job with name: {name} already exists")
            self._jobs[name] = _Job(dict(body))
        return {"Name": name}

    def _get(self, context: RequestContext, body: Json) -> Json:
        return {"Job": self._job(body["JobName"]).definition | {"Name": body["JobName"]}}

    def _update(self, context: RequestContext, body: Json) -> Json:
        check_trust(self._actors, context, body["JobUpdate"].get("Role", ""))
        self._job(body["JobName"]).definition = dict(body["JobUpdate"])
        return {"JobName": body["JobName"]}

    def _delete(self, context: RequestContext, body: Json) -> Json:
        """As in AWS, deleting a missing job is not an error; a job's runs are deleted with it."""
        with self._lock:
            self._jobs.pop(body["JobName"], None)
        return {"JobName": body["JobName"]}

    def _start(self, context: RequestContext, body: Json) -> Json:
        job = self._job(body["JobName"])
        with self._lock:
            if sum(run["JobRunState"] in _RUNNING for run in job.runs) >= job.places:
                raise ApiError("ConcurrentRunsExceededException", f"Concurrent runs exceeded for {body['JobName']}")
            run: Json = {
                "Id": f"jr_{uuid.uuid4().hex}",
                "JobName": body["JobName"],
                "JobRunState": "STARTING",
                "StartedOn": self._clock(),
                "Arguments": body.get("Arguments", {}),
            }
            job.runs.insert(0, run)
        fault = self._faults.next_job()
        if fault.stuck:
            run["JobRunState"] = "RUNNING"
        else:
            self._pool.submit(self._run, context, job, run, fault)
        return {"JobRunId": run["Id"]}

    def _get_run(self, context: RequestContext, body: Json) -> Json:
        for run in self._job(body["JobName"]).runs:
            if run["Id"] == body["RunId"]:
                return {"JobRun": run}
        raise ApiError("EntityNotFoundException", f"JobRun {body['RunId']} not found")

    def _get_runs(self, context: RequestContext, body: Json) -> Json:
        runs, start = self._job(body["JobName"]).runs, int(body.get("NextToken") or 0)
        end = start + min(int(body.get("MaxResults") or 200), 200)
        return {"JobRuns": runs[start:end]} | ({"NextToken": str(end)} if end < len(runs) else {})

    def _stop(self, context: RequestContext, body: Json) -> Json:
        """Ends runs that a fault keeps running for ever; a script that really runs is not interrupted."""
        job, stopped = self._job(body["JobName"]), list[Json]()
        for run in job.runs:
            if run["Id"] in body["JobRunIds"] and run["JobRunState"] in _RUNNING:
                self._end(job, run, "STOPPED", None)
                stopped.append({"JobName": run["JobName"], "JobRunId": run["Id"]})
        return {"SuccessfulSubmissions": stopped, "Errors": []}

    def _job(self, name: str) -> _Job:
        with self._lock:
            if name not in self._jobs:
                raise ApiError("EntityNotFoundException", f"Failed to start job run due to missing metadata: {name}")
            return self._jobs[name]

    def _run(self, context: RequestContext, job: _Job, run: Json, fault: JobFault) -> None:
        run["JobRunState"] = "RUNNING"
        message = (fault.message or fault.end) if fault.end else self._do(context, job, run)
        self._end(job, run, fault.end or ("FAILED" if message else "SUCCEEDED"), message)

    def _end(self, job: _Job, run: Json, state: str, message: str | None) -> None:
        with self._lock:
            forgotten = self._jobs.get(run["JobName"]) is not job
        run["CompletedOn"] = self._clock()
        if message:
            run["ErrorMessage"] = message
        run["JobRunState"] = state
        # AWS documents no event for ERROR: https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html
        if not forgotten and state != "ERROR":
            self._events.emit_job(run["JobName"], run["Id"], state, message)

    def _do(self, context: RequestContext, job: _Job, run: Json) -> str | None:
        """Execute the script with its arguments; returns the error, None for success."""
        arguments = job.definition.get("DefaultArguments", {}) | run["Arguments"]
        acting = job_role(self._actors, context, job.definition, run["Id"])
        refused = missing_rights(acting, job.definition, arguments)
        if refused is not None:
            return refused
        if self.stand_in is not None:
            return self.stand_in(arguments)
        folder = Path(tempfile.mkdtemp(prefix="rds-lake-glue-"))
        try:
            script = arguments.get("--scriptLocation", job.definition["Command"]["ScriptLocation"])
            buckets = MountedBuckets(
                s3=self._clients.client("s3", context.region),
                folder=folder,
                written_as=acting.clients.client("s3", context.region),
            )
            before = buckets.fetch()
            message = self._script(run["Id"], folder, script, arguments)
            buckets.store(before)
            return message
        except NotAnObjectError as error:
            return str(error)
        except ClientError as error:
            return f"An error occurred while calling o1.save. {words(error) or error}"
        except (OSError, subprocess.SubprocessError) as error:
            return repr(error)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _script(self, run: str, folder: Path, script: str, arguments: Json) -> str | None:
        """Run the script; returns the end of its stderr if it failed, else None."""
        if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
            return f"Java is not installed on this machine: {_INSTALL}"
        zips = [str(place_of(folder, uri)) for uri in arguments.get("--extra-py-files", "").split(",") if uri]
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join(zips), "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1",
            "PYSPARK_SUBMIT_ARGS": "--master local[2] --driver-memory 1g --conf spark.ui.enabled=false "
            "--conf spark.driver.host=127.0.0.1 --conf spark.sql.shuffle.partitions=2 pyspark-shell",
        }  # fmt: skip
        given = [part for name, value in arguments.items() for part in (name, str(value))]
        command = [sys.executable, str(place_of(folder, script)), *given, "--mount", str(folder)]
        child = subprocess.Popen(
            command, env=environment, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        self._children[run] = child
        _, complaint = child.communicate()
        del self._children[run]
        if not child.returncode:
            return None
        lines = complaint.decode(errors="replace").strip().splitlines() or [f"exit code {child.returncode}"]
        return f"{lines[-1]} ({_INSTALL})" if "pyspark" in lines[-1] else "\n".join(lines[-5:])
