"""Node types of Redshift, and the Regions that have them. Unknown node types are refused, unknown Regions are accepted.

https://aws.amazon.com/redshift/pricing/; a test compares the table with cfn-lint's.
"""

from __future__ import annotations

NODE_TYPES = frozenset(
    {
        *(f"ra3.{size}" for size in ("large", "xlplus", "4xlarge", "16xlarge")),
        *(f"rg.{size}" for size in ("large", "xlarge", "4xlarge", "12xlarge")),
        *(f"dc2.{size}" for size in ("large", "8xlarge")),
    }
)

# Region -> the families of nodes that it does not have. Other Regions have all three.
_LACKING = {
    **dict.fromkeys(("ap-southeast-5", "ap-southeast-7", "mx-central-1"), ("dc2",)),
    **dict.fromkeys(("ap-southeast-6", "ca-west-1", "il-central-1"), ("dc2", "rg")),
    **dict.fromkeys(("me-central-1", "me-south-1"), ("rg",)),
}


def node_problem(node_type: str, region: str | None) -> str | None:
    """Returns the problem if the Region does not have this node type; None if it has, or if that is unknown."""
    if node_type not in NODE_TYPES:
        return f"{node_type!r} is not a node type that rds-lake knows; write one of {', '.join(sorted(NODE_TYPES))}"
    family = node_type.partition(".")[0]
    lacking = _LACKING.get(region or "", ())
    if family in lacking:
        there = [name for name in ("ra3", "rg", "dc2") if name not in lacking]
        return f"AWS has no {family} nodes in {region}; choose a node type of {' or '.join(there)}"
    return None
