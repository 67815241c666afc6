"""`python -W error -m rds_lake.validate`: load workspace.yaml as Dagster does and check every definition.

The same as `dagster definitions validate -w workspace.yaml`, in one process, so that `-W error` reaches it.
"""

from __future__ import annotations

import dagster as dg

from rds_lake.definitions import defs


def main() -> None:
    """Raise whatever is wrong with the definitions."""
    definitions = defs()
    dg.Definitions.validate_loadable(definitions)
    print(f"{len(list(definitions.resolve_all_asset_keys()))} assets are valid")  # noqa: T201 - the command's answer


if __name__ == "__main__":
    main()
