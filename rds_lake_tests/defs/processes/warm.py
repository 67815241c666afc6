"""What the process has in memory of which the runs of `code_server.py` are forks: AWS's models of the services."""

from functools import cache

import botocore.session

botocore.session.create_loader = cache(botocore.session.create_loader)
_loader = botocore.session.get_session().get_component("data_loader")
for _service in ("athena", "glue", "rds", "s3", "sns", "sqs"):
    _loader.load_service_model(_service, "service-2")
    _loader.load_service_model(_service, "endpoint-rule-set-1")
for _file in ("endpoints", "partitions", "sdk-default-configuration"):
    _loader.load_data(_file)
