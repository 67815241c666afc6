"""The one part of the package that has to be compiled; all else is in setup.cfg.

It is optional: without a C compiler the installation succeeds, and DynamoDB JSON is read by pyarrow instead
(docs/decisions/0016-a-compiled-parser.md).
"""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "rds_lake.convert._parser",
            ["rds_lake/convert/native/parser.c"],
            extra_compile_args=["-O3", "-fvisibility=hidden"],
            optional=True,
        )
    ]
)
