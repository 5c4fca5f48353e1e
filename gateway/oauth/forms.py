"""Parameters of OAuth requests, in the query or in a form: each of them once, and in the characters of the standard."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from gateway.oauth.errors import OAuthError

MEDIA_TYPE = "application/x-www-form-urlencoded"
_MOST_PARAMETERS = 50
_VISIBLE = re.compile(r"[ -~]*")


async def read_form(request: Request) -> Mapping[str, str]:
    """Return the parameters of a form; those without a value are as if they were not sent (RFC 6749 §3.2).

    Raises OAuthError `invalid_request`, and ProblemError for a body that is too large or too slow.
    """
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        raise OAuthError("invalid_request", f"Send the parameters as `Content-Type: {MEDIA_TYPE}`.")
    try:
        text = (await request.body()).decode("ascii")
    except UnicodeDecodeError:
        raise OAuthError("invalid_request", "The form is not encoded as one.") from None
    return parameters(text)


def parameters(text: str) -> Mapping[str, str]:
    """Return the parameters of a query or form. Raises OAuthError `invalid_request`."""
    try:
        pairs = parse_qsl(text, max_num_fields=_MOST_PARAMETERS, errors="strict")
    except ValueError:
        raise OAuthError("invalid_request", "The parameters cannot be read, or are too many.") from None
    found = dict(pairs)
    if len(found) < len(pairs):
        raise OAuthError("invalid_request", "A parameter is given more than once; give it once.")
    return found


def visible(name: str, value: str) -> str:
    """Return a value that has only the characters that the standard allows (RFC 6749, appendix A).

    Raises OAuthError `invalid_request`.
    """
    if not _VISIBLE.fullmatch(value):
        raise OAuthError("invalid_request", f"{name} has characters that it cannot have.")
    return value


def required(form: Mapping[str, str], name: str) -> str:
    """Return a parameter. Raises OAuthError `invalid_request` when it is missing."""
    if name not in form:
        raise OAuthError("invalid_request", f"{name} is missing.")
    return visible(name, form[name])
