"""Where a request comes from, as identity is told: for its throttle, its log, and the list of a user's sessions."""

from starlette.requests import Request

from contracts.identity import Origin

_MOST_ADDRESS, _MOST_USER_AGENT = 64, 512


def origin_of(request: Request) -> Origin:
    """Return the client's address, of what trusted proxies say it is, and what the client calls itself."""
    address = request.client.host if request.client else "unknown"
    user_agent = request.headers.get("user-agent", "")
    return Origin(address=address[:_MOST_ADDRESS], user_agent=user_agent[:_MOST_USER_AGENT])
