"""The pages themselves: rendered once, and then the same bytes for everybody, at the gateway and from a disk."""

import base64
import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from gateway.message_pages.documents import SERVICES, SYSTEM, Json, parsed, raw
from gateway.message_pages.services import routes, services

HTML, JSON = "text/html; charset=utf-8", "application/json"
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Page:
    """What is sent, as it is and compressed; `etag` names its content (RFC 9110 §8.8.3)."""

    content: bytes
    compressed: bytes
    etag: str
    media_type: str
    policy: str | None = None


def _page(content: bytes, media_type: str, policy: str | None = None) -> Page:
    # The time of compression is left out: the same content is the same bytes in every process.
    digest = hashlib.sha256(content).hexdigest()[:32]
    return Page(content, gzip.compress(content, mtime=0), digest, media_type, policy)


def _as_text(text: str) -> Markup:
    """Return a docstring's text as HTML: paragraphs, and `code` between backticks."""
    paragraphs = [" ".join(block.split()) for block in text.split("\n\n")]
    shown = [Markup("<p>{}</p>").format(_with_code(one)) for one in paragraphs if one]
    return Markup("\n").join(shown)


def _with_code(text: str) -> Markup:
    parts = _CODE.split(text)
    return Markup("").join(Markup("<code>{}</code>").format(p) if i % 2 else escape(p) for i, p in enumerate(parts))


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("gateway.message_pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"text": _as_text, "code": _with_code}
    return environment


def _policy(style: str) -> str:
    """Allow the page's own style by its hash (CSP level 3 §2.3.1), and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


@dataclass(frozen=True)
class Place:
    """Where the pages are read, and so how they name each other; `pages` and `documents` have a place for the name."""

    overview: str
    pages: str
    documents: str
    http_api: str | None = None


AT_GATEWAY = Place("/asyncapi", "/asyncapi/{}", "/asyncapi/{}.json", "/docs")
ON_DISK = Place("index.html", "{}.html", "{}.json")


def _rendered(documents: Mapping[str, Json], place: Place) -> tuple[dict[str, bytes], str]:
    """Return the pages by service, the overview at "", and the style that they have."""
    environment, views = _environment(), services(documents)
    loader = environment.loader
    assert loader is not None  # noqa: S101 - for the type checker
    style = loader.get_source(environment, "style.css")[0]

    def page(template: str, **shown: Any) -> bytes:
        shown |= {"style": Markup(style), "services": views, "place": place}  # noqa: S704 - ours
        return environment.get_template(template).render(**shown).encode()

    found = {name: page("service.html.j2", service=view) for name, view in views.items()}
    return {"": page("overview.html.j2", service=None, routes=routes(views)), **found}, style


def files(documents: Mapping[str, Json]) -> dict[str, bytes]:
    """Return the pages of these documents, by service, as files that lie beside them; one opens index.html."""
    shown = {name: documents[name] for name in SERVICES}
    return {f"{name or 'index'}.html": content for name, content in _rendered(shown, ON_DISK)[0].items()}


@cache
def pages() -> Mapping[str, Page]:
    """Return every page by its path below /asyncapi/; the overview is at the empty one. Takes a moment, once."""
    rendered, style = _rendered(parsed(), AT_GATEWAY)
    policy = _policy(style)
    found = {name: _page(content, HTML, policy) for name, content in rendered.items()}
    return found | {f"{name}.json": _page(raw(name), JSON) for name in (*SERVICES, SYSTEM)}
