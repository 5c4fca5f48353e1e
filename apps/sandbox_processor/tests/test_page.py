"""The authentication page: usable by everybody, and as good as the API for programs."""

from html.parser import HTMLParser

import httpx
import pytest

from apps.sandbox_processor.tests.sandbox import Client, answered, new_key

VOID = {"meta", "br", "link", "input"}
BACK = "https://shop.example/back?order=1&x=%22"


class Page(HTMLParser):
    """Every element with its attributes; fails on elements that are not closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self._open: list[str] = []
        self.feed(html)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.elements if found == tag]


def open_page(url: str) -> Page:
    response = httpx.get(url)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    return Page(response.text)


def press(url: str, result: str) -> httpx.Response:
    return httpx.post(url, data={"result": result})


def test_the_page_asks_in_plain_accessible_html(client: Client) -> None:
    answer = client.start("tok_requires_action", statement_descriptor="Ada's <b>Tea</b>", return_url=BACK)
    page = open_page(answer["action_url"])
    assert page.all("html") == [{"lang": "en"}]
    assert [len(page.all(tag)) for tag in ("title", "main", "h1", "form")] == [1, 1, 1, 1]
    assert page.all("form")[0]["method"] == "post"
    assert [(b["type"], b["name"], b["value"]) for b in page.all("button")] == [
        ("submit", "result", "approve"),
        ("submit", "result", "fail"),
    ]
    assert not page.all("script")
    assert not page.all("b")
    assert "Ada's <b>Tea</b>" in page.words
    assert "12.50 EUR" in page.words


@pytest.mark.parametrize(("result", "status"), [("approve", "approved"), ("fail", "declined")])
def test_a_button_settles_and_leads_back(client: Client, result: str, status: str) -> None:
    key = new_key()
    url = client.start("tok_requires_action", key=key, return_url=BACK)["action_url"]
    response = press(url, result)
    assert (response.status_code, response.headers["Location"]) == (303, BACK)
    settled = answered(client.query(key))
    assert settled["status"] == status
    assert settled.get("decline_code") == (None if status == "approved" else "authentication_failed")
    page = open_page(url)
    assert not page.all("form")
    assert [a["href"] for a in page.all("a")] == [BACK]
    press(url, "approve" if result == "fail" else "fail")
    assert answered(client.query(key)) == settled


def test_without_a_way_back_the_page_says_how_it_ended(client: Client) -> None:
    response = press(client.start("tok_requires_action")["action_url"], "approve")
    assert response.status_code == 200
    assert "The payment is approved." in Page(response.text).words


def test_programs_answer_with_json(client: Client) -> None:
    url = client.start("tok_requires_action", "authorise")["action_url"]
    assert httpx.post(url, json={"result": "maybe"}).status_code == 400
    assert httpx.post(url, json={"result": "approve"}).json()["status"] == "approved"
    assert httpx.post(f"{url}0", json={"result": "approve"}).status_code == 404


def test_the_page_trusts_nobody(client: Client) -> None:
    url = client.start("tok_requires_action", return_url=BACK)["action_url"]
    headers = httpx.get(url).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' https://shop.example" in policy
    assert "frame-ancestors 'none'" in policy
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")
    assert httpx.get(f"{url}0").status_code == 404
    assert press(f"{url}0", "approve").status_code == 404
    assert press(url, "").status_code == 400


@pytest.mark.parametrize(
    "url", ["https://\u4e2d\u6587.example/", "https://ada:pw@shop.example/", "https://shop.example;x/"]
)
def test_a_host_that_cannot_stand_in_a_policy_does_not_break_the_page(client: Client, url: str) -> None:
    answer = httpx.get(client.start("tok_requires_action", return_url=url)["action_url"])
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"].endswith("form-action 'self' https:")
