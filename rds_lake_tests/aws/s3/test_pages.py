"""Pages of a listing: every key as it is, and a page that breaks off is never taken for the end."""

from urllib.parse import quote_plus
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rds_lake.aws.clients import AwsClients
from rds_lake.aws.s3.connection import Answer, Connection
from rds_lake.aws.s3.deletes import delete_request
from rds_lake.aws.s3.gateway import S3Gateway
from rds_lake.aws.s3.many import ManyS3
from rds_lake.aws.s3.pages import Page, parse_page
from rds_lake.aws.s3.wire import open_wire
from rds_lake.model.lake.deletable import Deletable, Place
from rds_lake_tests.support.builders import fill

# XML cannot hold some characters, which is why S3 is asked to encode them.
texts = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20)
plain = st.text(st.characters(exclude_categories=("Cs", "Cc", "Co", "Cn")), min_size=1, max_size=20)


def page(keys: list[str], *, encode: bool = True, cut: bool = False, token: str = "", owner: bool = False) -> bytes:
    """A page as S3 writes it, or as a server that does not encode keys does."""
    items = "".join(
        f"<Contents><Key>{quote_plus(key, safe='/') if encode else escape(key)}</Key><ETag>&quot;x&quot;</ETag>"
        + ("<Owner><ID>a</ID><DisplayName>Size</DisplayName></Owner>" if owner else "")
        + f"<Size>{number}</Size></Contents>"
        for number, key in enumerate(keys)
    )
    more = f"<IsTruncated>{str(cut).lower()}</IsTruncated>"
    encoding = "<EncodingType>url</EncodingType>" if encode else ""
    after = f"<NextContinuationToken>{escape(token)}</NextContinuationToken>" if token else ""
    head = '<?xml version="1.0"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>'
    return f"{head}{more}{encoding}{after}{items}</ListBucketResult>".encode()


@given(st.lists(texts, max_size=8), st.booleans())
def test_keys_are_read_as_they_are_whatever_characters_they_have(keys: list[str], owner: bool) -> None:
    expected = Page([(key, number) for number, key in enumerate(keys)], None)
    assert parse_page(page(keys, owner=owner)) == expected


@given(st.lists(plain, max_size=8))
def test_keys_that_a_server_did_not_encode_are_not_decoded(keys: list[str]) -> None:
    assert [key for key, _ in parse_page(page(keys, encode=False)).items] == keys


def test_a_token_is_read_without_its_entities() -> None:
    assert parse_page(page(["a"], cut=True, token="x&y=+/")).token == "x&y=+/"


@pytest.mark.parametrize("body", [page(["a"], cut=True), page(["a", "b"])[:-20], page(["a", "b"])[:-60], b"", b"<!"])
def test_a_page_that_breaks_off_is_not_whole(body: bytes) -> None:
    assert not parse_page(body).whole


def test_a_listing_whose_page_breaks_off_is_finished_by_boto3_without_telling_a_key_twice(
    clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "x")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "y")
    clients.s3.create_bucket(Bucket="lake")
    keys = [f"k/{number}" for number in range(6)]
    for key in keys:
        clients.s3.put_object(Bucket="lake", Key=key, Body=b"")
    answers = [page(keys[:2], cut=True, token="more"), page(keys[2:4], cut=True)]

    async def broken(self: Connection, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        return Answer(200, {}, answers.pop(0))

    monkeypatch.setattr(Connection, "ask", broken)
    found: list[str] = []
    many = ManyS3(S3Gateway(clients.s3, open_wire(clients, 1)), 1)
    many.sizes("lake", ["k/"], report=lambda items: found.extend(key for key, _ in items))
    assert found == keys


def test_a_listing_whose_folders_are_encoded_continues_page_by_page(
    clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients.s3.create_bucket(Bucket="lake")
    keys = [f"k/{folder}/{number:04}" for folder in "ab" for number in range(1100)]
    fill("lake", keys, b"")
    asked, ask = list[str](), Connection.ask

    async def without_folders(
        self: Connection, method: str, target: str, headers: dict[str, str], body: bytes = b""
    ) -> Answer:
        asked.append(target)
        answer = await ask(self, method, target, headers, body)
        return Answer(200, {}, answer.body[:-30]) if "delimiter" in target else answer

    monkeypatch.setattr(Connection, "ask", without_folders)
    found: list[str] = []
    many = ManyS3(S3Gateway(clients.s3, open_wire(clients, 2)), 2)
    many.sizes_below("lake", "k/", levels=1, report=lambda items: found.extend(key for key, _ in items))
    assert found == keys
    assert ["delimiter" in target for target in asked] == [False, True, False, False]


def test_a_delete_that_s3_refuses_for_some_keys_is_asked_for_once_more_by_boto3_and_not_eight_times(
    clients: AwsClients, monkeypatch: pytest.MonkeyPatch
) -> None:
    clients.s3.create_bucket(Bucket="lake")
    fill("lake", ["a", "b"], b"")
    asked: list[str] = []

    async def refused(self: Connection, method: str, target: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        asked.append(target)
        error = b"<Error><Key>a</Key><Code>InternalError</Code></Error>"
        return Answer(200, {}, b"<DeleteResult>" + error + b"</DeleteResult>")

    monkeypatch.setattr(Connection, "ask", refused)
    ours = Deletable(places=(Place(bucket="lake", prefix=""),))
    ManyS3(S3Gateway(clients.s3, open_wire(clients, 2), ours), 2).delete("lake", ["a", "b"])
    assert len(asked) == 1
    assert "Contents" not in clients.s3.list_objects_v2(Bucket="lake")


def test_keys_xml_cannot_hold_are_left_to_boto3() -> None:
    assert delete_request("lake", ["a\x01b"]) is None
    request = delete_request("lake", ["a&b<c>ü", "d"])
    assert request is not None
    assert request.body.count(b"<Key>") == 2
    assert "<Key>a&amp;b&lt;c&gt;ü</Key>".encode() in request.body
