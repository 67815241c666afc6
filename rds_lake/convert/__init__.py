"""DynamoDB JSON in, typed files out: the data plane of DynamoDB sources.

    convert_table (table.py)
      lines.py     gz files -> chunks of whole lines, checked against the manifest
      tree.py      what attributes there are, the union over all items
      plan.py      the columns that follow from it
      wrapped.py   a chunk -> typed arrays, by pyarrow's JSON reader
      parts.py     typed arrays -> files of row groups

It knows no AWS and no Dagster: bytes come from `InputFile.open`, go to `Sink.create`.

What belongs here: everything that is done to items. Where files lie and what they are called: `stages/`.
"""
