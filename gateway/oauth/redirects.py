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


def form_target(redirect_uri: str) -> str:
    """Return the origin of a checked URI as a content policy writes it (CSP level 3 §2.3.1).

    That grammar has no IPv6 addresses; the only one that a redirect URI may have is the device's own, over http.
    """
    parts = urlsplit(redirect_uri)
    return "http:" if parts.netloc.startswith("[") else f"{parts.scheme}://{parts.netloc}"
