"""Which objects may be deleted: only in places that lake.yaml gives; every key is checked before a request is sent.

    source `shop`      s3://acme-lake/lake/shop/…           its tables
                       s3://acme-lake/lake/_manifests/shop/… and _snapshots/shop/…, _jobs/shop/…, _changes/shop/…,
                                                           _compacted/shop/…
                       s3://acme-lake/exports/<task>/…      where <task> is an export of this source

Manifests and other records in S3 never decide what may be deleted: otherwise a person who can write one object could empty every
bucket that the pipeline's role can access.

What belongs here: the rule for a bucket and a key. `stages/upkeep/own_exports.py` finds the exports of a source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rds_lake.errors import RefusedDeleteError
from rds_lake.model.lake.layout import LakeLayout

_NAMED = 5  # keys that an error lists: a refused folder may have a million


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Keys of one bucket that begin with `prefix`, which ends with a slash or is empty.

    `owns`, if given, decides for each folder directly below the prefix; keys outside of folders are then not in this place.
    """

    bucket: str
    prefix: str
    owns: Callable[[str], bool] | None = None

    def holds(self, bucket: str, key: str) -> bool:
        """Whether the object is in this place."""
        if bucket != self.bucket or not key.startswith(self.prefix):
            return False
        if self.owns is None:
            return True
        folder, slash, _ = key.removeprefix(self.prefix).partition("/")
        return bool(folder and slash) and self.owns(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletable:
    """The places in which `whose` (a name for messages) may delete objects. Without places, nothing may be deleted."""

    whose: str = "a gateway that was given no place"
    places: tuple[Place, ...] = ()

    def require(self, bucket: str, keys: Sequence[str]) -> None:
        """Raises RefusedDeleteError if a key is outside of the places. A key with a trailing slash means the whole folder."""
        refused = [key for key in keys if not self.holds(bucket, key)]
        if refused:
            more = f" and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
            raise RefusedDeleteError(
                f"nothing was deleted: lake.yaml does not give {self.whose} "
                f"{', '.join(f's3://{bucket}/{key}' for key in refused[:_NAMED])!r}{more}. A record in the lake names it: find out "
                "who wrote the record, delete the record, and materialize the date again. If it is an export that really belongs to "
                "this source, and its snapshot no longer exists, delete the export by hand; likewise if lake.yaml named another place "
                "for exports when it was made. Then repeat this, with a role that may list that place"
            )

    def holds(self, bucket: str, key: str) -> bool:
        """Whether the key, or the folder with a trailing slash, is in one of the places."""
        # S3 does not resolve `..`, but proxies, servers and mounts in front of the bucket may.
        return not {".", ".."}.intersection(key.split("/")) and any(place.holds(bucket, key) for place in self.places)


def deletable_of_lake(layout: LakeLayout, exports: tuple[str, str]) -> Deletable:
    """Returns the places of the whole lake: its prefix, and that of its exports, given as (bucket, prefix)."""
    bucket, prefix = exports
    return Deletable(
        whose="this lake",
        places=(
            Place(bucket=layout.bucket, prefix=_folder(layout.prefix)),
            Place(bucket=bucket, prefix=_folder(prefix)),
        ),
    )


def deletable_of_source(
    layout: LakeLayout, source: str, exports: tuple[str, str], *, owns: Callable[[str], bool]
) -> Deletable:
    """Returns what runs of this source may delete. `owns`: whether a folder's name is an export of the source."""
    bucket, prefix = exports
    return Deletable(
        whose=f"the source {source}",
        places=(
            *(Place(bucket=layout.bucket, prefix=folder) for folder in _folders(layout, source)),
            Place(bucket=bucket, prefix=_folder(prefix), owns=owns),
        ),
    )


def deletable_of_warehouse(layout: LakeLayout, warehouse: str) -> Deletable:
    """Returns what runs of this warehouse, and the reaper, may delete: results that are not published yet."""
    staging = f"{layout.warehouse_folder(warehouse)}staging/"
    return Deletable(whose=f"the warehouse {warehouse}", places=(Place(bucket=layout.bucket, prefix=staging),))


def _folders(layout: LakeLayout, source: str) -> Iterator[str]:
    yield layout.source_folder(source)
    yield layout.manifest_folder(source)
    yield layout.snapshot_log_folder(source)
    yield layout.job_folder(source)
    yield layout.all_changes_folder(source)
    yield layout.all_compacted_folder(source)


def _folder(prefix: str) -> str:
    return f"{prefix.strip('/')}/" if prefix.strip("/") else ""
