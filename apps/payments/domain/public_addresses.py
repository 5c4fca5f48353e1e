"""Which internet addresses are a stranger's own: all others are somebody's inside, and nothing is sent there.

The lists follow IANA's registries of special-purpose addresses (RFC 6890, as of 2026).
"""

from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, IPv6Network

_NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' NAT
        "127.0.0.0/8",
        "169.254.0.0/16",  # link-local, and the clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and broadcast
    )
)
# All else of IPv6 is not assigned to anybody's public hosts: loopback, link-local, unique local, multicast, IPv4-mapped
# (::ffff:0:0/96) and NAT64 (64:ff9b::/96, 64:ff9b:1::/48) are outside of it.
_ASSIGNED_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: carries an IPv4 address
        "3fff::/20",  # documentation
    )
)
# Nowhere in them is a cloud's metadata, as it is link-local.
_PRIVATE_4 = tuple(IPv4Network(n) for n in ("10.0.0.0/8", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
_PRIVATE_6 = tuple(IPv6Network(n) for n in ("::1/128", "fc00::/7"))


def is_possible(address: str, *, inside: bool) -> bool:
    """Tell whether something may be sent there; `inside` is for development: this machine, private networks, too."""
    return is_public(address) or (inside and _is_private(address))


def is_public(address: str) -> bool:
    """Tell whether an address, written as the system's resolver writes them, is a public host's."""
    try:
        if ":" not in address:
            four = IPv4Address(address)
            return not any(four in network for network in _NOT_PUBLIC_4)
        six = IPv6Address(address)
    except AddressValueError:
        return False
    # One with a zone ("%eth0") means an interface of this machine.
    return six.scope_id is None and six in _ASSIGNED_6 and not any(six in network for network in _NOT_PUBLIC_6)


def _is_private(address: str) -> bool:
    """Tell whether an address is this machine's or a private network's (RFC 1918, RFC 4193)."""
    try:
        if ":" not in address:
            return any(IPv4Address(address) in network for network in _PRIVATE_4)
        six = IPv6Address(address)
    except AddressValueError:
        return False
    return six.scope_id is None and any(six in network for network in _PRIVATE_6)
