"""Writes the report of a day to S3 as an HTML page."""

from __future__ import annotations

from rds_lake.stages.lake.lake import Lake
from rds_lake.stages.report.page.page import render_page
from rds_lake.stages.report.values import LakeReport


def write_report(lake: Lake, report: LakeReport) -> str:
    """Writes the page in one PUT, which replaces an earlier one of the same day. Returns its S3 URI.

    It is never deleted: retention and orphans only cover the folders of sources.
    """
    key = lake.layout.report_key(report.now.date())
    body = render_page(report).encode()
    lake.s3.put_bytes(lake.layout.bucket, key, body, kms_key=lake.kms_key, kind="text/html; charset=utf-8")
    return lake.layout.uri(key)
