"""Converts DynamoDB JSON to typed files.

    local/table.py      convert_table: the engine that runs on one machine
    local/lines.py      gz files -> chunks of whole lines, checked against the manifest
    rules/tree.py       the attributes of all items: their union
    local/plan.py       the columns that follow from them
    local/compiled.py   a chunk -> typed arrays, by the compiled parser in native/ if it was built
    local/wrapped.py    the same by pyarrow's JSON reader, with equal values
    local/parts.py      typed arrays -> files of row groups
    merging/            changes of incremental exports, merged into the files of an earlier date
    spark/              the same conversion as a Spark job, for AWS Glue
    rules/              columns, names and numbers, the same for both engines

No AWS and no Dagster: bytes come from `InputFile.open` and go to `Sink.create`. `stages/dynamodb/` decides which files, and where.
"""
