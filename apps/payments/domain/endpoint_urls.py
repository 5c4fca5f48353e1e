"""Where an endpoint may be. What its name resolves to is checked at each connection (domain.public_addresses)."""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import SplitResult, urlsplit

from apps.payments.domain.public_addresses import is_possible

_LONGEST_NAME = 253
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
# Names that only mean something inside a network (RFC 6761, RFC 6762, RFC 8375, and what clouds use).
_INSIDE = ("localhost", "local", "internal", "intranet", "lan", "home.arpa", "test", "invalid", "onion")
_PORTS = {"http": 80, "https": 443}
_FIRST_FREE_PORT = 1024


class UrlRefusedError(ValueError):
    """Nothing will be sent there; the text says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart. `host` is a name in lower case or an address; `path` has the query with it."""

    scheme: str
    host: str
    port: int
    path: str


def target_of(url: str, *, inside: bool) -> Target:
    """Take an endpoint's URL apart. Raises UrlRefusedError.

    `inside` is for development: plain http, this machine and private networks are allowed, too.
    """
    if not url.isascii() or "\\" in url or "#" in url:
        raise UrlRefusedError("It must be plain ASCII (a name of other letters as `xn--…`), without `\\` and `#`.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise UrlRefusedError("It cannot be read as a URL.") from None
    if parts.scheme not in _PORTS or (parts.scheme == "http" and not inside):
        raise UrlRefusedError("It must begin with https://.")
    if "@" in parts.netloc:
        raise UrlRefusedError("It must not hold a user name or password; deliveries are signed instead.")
    port = _PORTS[parts.scheme] if port is None else port
    if port == 0 or (port not in _PORTS.values() and port < _FIRST_FREE_PORT and not inside):
        raise UrlRefusedError("Its port must be 443, 80 or at least 1024.")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, _host_of(parts, inside=inside), port, path)


def _host_of(parts: SplitResult, *, inside: bool) -> str:
    host = parts.hostname or ""
    if ":" in host or "[" in parts.netloc:
        address = _address_6(host)
    elif _is_number(host):
        address = _address_4(host)
    else:
        return _name(host, inside=inside)
    if not is_possible(address, inside=inside):
        raise UrlRefusedError("It must be a public host, not an address inside a network.")
    return address


def _address_6(host: str) -> str:
    try:
        return str(IPv6Address(host))
    except AddressValueError:
        raise UrlRefusedError("What stands between [ and ] is no IPv6 address.") from None


def _address_4(host: str) -> str:
    """Return a host that is a number (WHATWG URL, "ends in a number"): only its usual spelling is allowed."""
    try:
        return str(IPv4Address(host))
    except AddressValueError:
        raise UrlRefusedError("An IPv4 address must be written as four decimal numbers.") from None


def _is_number(host: str) -> bool:
    last = host.removesuffix(".").rpartition(".")[2]
    return last.isdigit() or re.fullmatch("0x[0-9a-f]*", last) is not None


def _name(host: str, *, inside: bool) -> str:
    name = host.removesuffix(".")
    labels = name.split(".")
    if len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise UrlRefusedError("Its host is no domain name.")
    is_inside = len(labels) == 1 or any(name == suffix or name.endswith(f".{suffix}") for suffix in _INSIDE)
    if is_inside and not inside:
        raise UrlRefusedError("It must be a public host, not a name inside a network.")
    return name
