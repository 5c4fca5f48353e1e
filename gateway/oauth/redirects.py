"""Sending people back to the app that they came from, with the answer in the query (RFC 6749 §4.1.2, RFC 9207)."""

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

from starlette.responses import RedirectResponse

_SEE_OTHER = 303


def sent_back(redirect_uri: str, answer: Mapping[str, str | None]) -> RedirectResponse:
    """Return a redirect to a checked URI; its own query stays.

    It is a 303, so that no browser posts the form there which the user has sent us (RFC 9700 §4.12).
    """
    given = urlencode({name: value for name, value in answer.items() if value is not None})
    joined = "&" if "?" in redirect_uri else "?"
    return RedirectResponse(f"{redirect_uri}{joined}{given}", _SEE_OTHER)


def origin_of_uri(redirect_uri: str) -> str:
    """Return scheme and authority of a checked URI."""
    parts = urlsplit(redirect_uri)
    return f"{parts.scheme}://{parts.netloc}"
