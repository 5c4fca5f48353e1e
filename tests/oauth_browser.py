"""A browser of forms: no scripts, no styles, and cookies as real ones keep them; what it is shown can be asked for."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx


@dataclass
class Page:
    """What a page says, and its form."""

    status: int
    headers: httpx.Headers
    url: str
    text: str = ""
    action: str | None = None
    fields: dict[str, str] = field(default_factory=dict)
    alerts: list[str] = field(default_factory=list)

    @property
    def told(self) -> dict[str, str]:
        """Return what the app is told by a redirect."""
        query = urlsplit(self.headers["Location"]).query
        return {name: values[0] for name, values in parse_qs(query, strict_parsing=True).items()}


class _Reader(HTMLParser):
    def __init__(self, page: Page) -> None:
        super().__init__()
        self._page = page
        self._alert = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._page.action = urljoin(self._page.url, given["action"])
        if tag == "input":
            self._page.fields[given["name"]] = given.get("value", "")
        if given.get("role") == "alert" or self._alert:
            self._alert += tag not in {"input", "br"}

    def handle_endtag(self, _tag: str) -> None:
        self._alert -= bool(self._alert)

    def handle_data(self, data: str) -> None:
        self._page.text += data
        if self._alert and data.strip():
            self._page.alerts.append(data.strip())


class FormBrowser:
    """Opens pages and submits their forms; it does not follow redirects."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def open(self, url: str) -> Page:
        """Open a page."""
        return _read(await self._http.get(url))

    async def submit(self, page: Page, **typed: str) -> Page:
        """Submit a page's form with what is typed besides."""
        assert page.action, page.text
        return _read(await self._http.post(page.action, data=page.fields | typed))

    async def sign_in(self, url: str, email: str, password: str, **more: str) -> Page:
        """Open an authorization request and sign in; what follows is the page of consent, if all went well."""
        return await self.submit(await self.open(url), email=email, password=password, **more)

    async def agree(self, url: str, email: str, password: str) -> Page:
        """Go all the way; what follows is the redirect to the app."""
        return await self.submit(await self.sign_in(url, email, password), decision="allow")


def _read(response: httpx.Response) -> Page:
    page = Page(response.status_code, response.headers, str(response.url))
    if response.headers.get("content-type", "").startswith("text/html"):
        reader = _Reader(page)
        reader.feed(response.text)
    return page
