"""A template as text: YAML with CloudFormation's short forms (`!Sub`), or JSON; and whether CloudFormation accepts its length."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

import yaml

# Bytes of a template in a call, and of one in S3:
# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
INLINE_BYTES = 51_200
S3_BYTES = 1_000_000
_WIDTH = 120


class _Dumper(yaml.SafeDumper):
    """Writes no anchors: a value that occurs twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True

    def choose_scalar_style(self) -> str:
        """Writes `!Ref Bucket` without the quotes that PyYAML puts around every text with a tag."""
        style, event, analysis = super().choose_scalar_style(), cast("Any", self.event), cast("Any", self.analysis)
        tagged = event.tag and event.tag.startswith("!") and not self.flow_level
        return "" if tagged and analysis.allow_block_plain and not analysis.multiline else style


def _mapping(dumper: _Dumper, value: dict[str, Any]) -> yaml.Node:
    name, inner = next(iter(value.items()), ("", None))
    if len(value) != 1 or inner is None or not (name == "Ref" or name.startswith("Fn::")):
        return dumper.represent_mapping("tag:yaml.org,2002:map", value, flow_style=False if value else None)
    tag = f"!{name.removeprefix('Fn::')}"
    if name == "Fn::GetAtt":
        return dumper.represent_scalar(tag, ".".join(inner))
    if isinstance(inner, list):
        return dumper.represent_sequence(tag, inner, flow_style=False)
    return dumper.represent_scalar(tag, str(inner))


_Dumper.add_representer(dict, _mapping)


def as_yaml(body: Mapping[str, Any]) -> str:
    """Returns the template as YAML, in its own order."""
    return yaml.dump(dict(body), Dumper=_Dumper, sort_keys=False, width=_WIDTH, allow_unicode=True)


def as_json(body: Mapping[str, Any]) -> str:
    """Returns the template as JSON, in its own order."""
    return json.dumps(body, indent=1, ensure_ascii=False) + "\n"


def size_note(text: str) -> str | None:
    """Returns what to do with a template that is too long for a call; None if it is not."""
    size = len(text.encode())
    if size <= INLINE_BYTES:
        return None
    if size <= S3_BYTES:
        return (
            f"the template has {size:,} bytes, and CloudFormation accepts {INLINE_BYTES:,} in a call: upload it to S3 "
            "(`aws cloudformation deploy --s3-bucket BUCKET …` does that)"
        )
    return (
        f"the template has {size:,} bytes, and CloudFormation accepts at most {S3_BYTES:,}: divide the sources into several lakes, "
        "each with its own lake.yaml and events_queue"
    )
