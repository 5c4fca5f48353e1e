"""The documentation of the messages: complete, navigable, and made of nothing but itself."""

import base64
import gzip
import hashlib
import itertools
from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

import httpx
import orjson
import pytest

from gateway.message_pages.documents import SERVICES, SYSTEM, parsed
from gateway.message_pages.pages import files, pages
from gateway.tests.conftest import Gateway

DOCUMENTS = Path(__file__).parents[2] / "docs" / "asyncapi"
PAGES = ("", *SERVICES)
HEADINGS = ("h1", "h2", "h3", "h4")


class _Read(HTMLParser):
    """What a page consists of, as far as it is judged."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.ids, self.links = set[str](), list[str](), list[str]()
        self.headings, self.attributes, self.style = list[int](), set[str](), ""
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag
        self.tags.add(tag)
        named = {name: value or "" for name, value in attrs}
        self.attributes |= named.keys()
        self.ids += [named["id"]] if "id" in named else []
        self.links += [named["href"]] if "href" in named else []
        self.headings += [int(tag[1])] if tag in HEADINGS else []

    def handle_data(self, data: str) -> None:
        self.style += data if self._inside == "style" else ""

    def handle_endtag(self, _: str) -> None:
        self._inside = ""


def _path(name: str) -> str:
    return f"/asyncapi/{name}" if name else "/asyncapi"


@pytest.fixture(scope="module")
def read() -> dict[str, _Read]:
    return {_path(name): _Read(pages()[name].content.decode()) for name in PAGES}


@pytest.fixture(scope="module")
def on_disk() -> dict[str, _Read]:
    return {name: _Read(content.decode()) for name, content in files(parsed()).items()}


@pytest.mark.parametrize("name", PAGES)
def test_a_page_brings_all_it_needs(name: str, read: dict[str, _Read]) -> None:
    page, policy = read[_path(name)], pages()[name].policy or ""
    assert not page.tags & {"script", "link", "img", "iframe", "form", "object"}
    assert not {one for one in page.attributes if one.startswith("on") or one in {"src", "style"}}
    digest = base64.b64encode(hashlib.sha256(page.style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "url(" not in page.style
    assert "@import" not in page.style


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str, read: dict[str, _Read]) -> None:
    served = {_path(other) for other in pages()} | {"/docs"}
    _follow(_path(name), read, served)


@pytest.mark.parametrize("name", PAGES)
def test_every_link_on_disk_leads_to_what_lies_beside(name: str, on_disk: dict[str, _Read]) -> None:
    _follow(f"{name or 'index'}.html", on_disk, {path.name for path in DOCUMENTS.iterdir()})


def _follow(own: str, read: Mapping[str, _Read], there: set[str]) -> None:
    page = read[own]
    assert len(page.ids) == len(set(page.ids))
    assert page.links
    for link in page.links:
        path, _, fragment = link.partition("#")
        path = path or own
        if not path.startswith("https://"):
            assert path in there, link
            assert not fragment or fragment in read[path].ids, link


def test_the_overview_names_every_message_of_the_system(read: dict[str, _Read]) -> None:
    document = orjson.loads((DOCUMENTS / f"{SYSTEM}.json").read_bytes())
    named = {link.rpartition("#")[2] for link in read["/asyncapi"].links}
    assert set(document["components"]["messages"]) <= named


@pytest.mark.parametrize("name", PAGES)
def test_headings_leave_no_level_out(name: str, read: dict[str, _Read]) -> None:
    levels = read[_path(name)].headings
    assert levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


@pytest.mark.parametrize("name", SERVICES)
def test_every_message_and_schema_is_shown(name: str, read: dict[str, _Read]) -> None:
    document = orjson.loads((DOCUMENTS / f"{name}.json").read_bytes())
    text, ids = pages()[name].content.decode(), set(read[_path(name)].ids)
    assert set(document["components"]["messages"]) <= ids
    for channel in document["channels"].values():
        assert (channel["address"] or channel["title"]) in text
        if "x-jetstream" in channel:
            assert f"stream-{channel['x-jetstream']['stream']}" in ids
    for operation in document["operations"].values():
        assert operation.get("x-jetstream", {"durable": ""})["durable"] in text
    assert not [c for c in text if not c.isprintable() and c != "\n"]


async def test_a_page_is_kept_until_it_changes(gateway: Gateway) -> None:
    plain = await gateway.http.get("/asyncapi/wallet", headers={"Accept-Encoding": "identity"})
    assert plain.status_code == 200
    assert plain.content == pages()["wallet"].content
    assert plain.headers["Content-Type"] == "text/html; charset=utf-8"
    assert plain.headers["Content-Security-Policy"] == pages()["wallet"].policy
    packed = await gateway.http.get("/asyncapi/wallet", headers={"Accept-Encoding": "gzip"})
    assert packed.content == plain.content
    assert packed.headers["Content-Encoding"] == "gzip"
    assert packed.headers["ETag"] != plain.headers["ETag"]
    for answer, encoding in ((plain, "identity"), (packed, "gzip")):
        assert answer.headers["Vary"] == "Accept-Encoding"
        known = {"If-None-Match": f'"other", {answer.headers["ETag"]}', "Accept-Encoding": encoding}
        again = await gateway.http.get("/asyncapi/wallet", headers=known)
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", answer.headers["ETag"])
    for had in ("*", f"W/{plain.headers['ETag']}"):
        known = {"If-None-Match": had, "Accept-Encoding": "identity"}
        assert (await gateway.http.get("/asyncapi/wallet", headers=known)).status_code == 304
    head = await gateway.http.head("/asyncapi")
    assert (head.status_code, head.content) == (200, b"")


async def test_documents_come_as_they_are(gateway: Gateway) -> None:
    for name in (*SERVICES, SYSTEM):
        answer = await gateway.http.get(f"/asyncapi/{name}.json")
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.content == (DOCUMENTS / f"{name}.json").read_bytes()


@pytest.mark.parametrize("name", ["nobody", "wallet.yaml", "..%2f..%2fpyproject.toml", "wallet/x"])
async def test_what_there_is_not_is_not_found(gateway: Gateway, name: str) -> None:
    answer: httpx.Response = await gateway.http.get(f"/asyncapi/{name}")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_compressed_pages_are_the_same_bytes_in_every_process() -> None:
    for page in pages().values():
        assert page.compressed == gzip.compress(page.content, mtime=0)
