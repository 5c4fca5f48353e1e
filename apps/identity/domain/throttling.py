"""How wrong guesses at a secret slow the next ones down, without locking its owner out.

Guesses are counted for an account from one address, for an address, and for a device that has logged in before. What
is known of strangers never counts against the owner's own devices, nor against who comes from elsewhere: an account
as a whole is never refused because of guesses at its password (OWASP authentication cheat sheet, account lockout).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

_LONGEST_WAIT = timedelta(minutes=15)
_MOST_DOUBLINGS = 10
_WARNED_EVERY = timedelta(days=1)
_IPV6_PREFIX = 64
FORGOTTEN_AFTER = timedelta(days=2)
"""Counters that nothing was added to for so long say nothing any more: all their failures are forgiven."""


@dataclass(frozen=True)
class Policy:
    """So many failures are free; each more doubles the wait, from a second to a quarter of an hour.

    One failure is forgiven every so often, so that a mistake now and then never adds up.
    """

    free: int
    forgiven_every: timedelta

    @property
    def most(self) -> int:
        """Where counting stops: the wait does not grow any more."""
        return self.free + _MOST_DOUBLINGS + 1


ACCOUNT_AT_ADDRESS = Policy(free=5, forgiven_every=timedelta(minutes=15))
ADDRESS = Policy(free=20, forgiven_every=timedelta(minutes=2))
DEVICE = Policy(free=5, forgiven_every=timedelta(minutes=15))
SECOND_FACTOR = Policy(free=10, forgiven_every=timedelta(minutes=15))
"""Guesses at codes count for the whole account: only who knows its password gets to make them (NIST SP 800-63B
§3.2.2). The owner's way out, beside a device that is known, is another password."""
ACCOUNT = Policy(free=20, forgiven_every=timedelta(hours=1))
"""Refuses nothing: past it the owner is warned."""


@dataclass(frozen=True)
class Counter:
    """How many failures there were as of the last one."""

    failures: int
    last_at: datetime


def failures_now(policy: Policy, counter: Counter, now: datetime) -> int:
    """Return how many failures still count; clocks that differ forgive nothing."""
    forgiven = max(timedelta(0), now - counter.last_at) // policy.forgiven_every
    return max(0, counter.failures - forgiven)


def wait(policy: Policy, counter: Counter, now: datetime) -> timedelta:
    """Return how long the next guess has to wait: zero when it may be made now."""
    beyond = min(counter.failures, policy.most) - policy.free
    if beyond <= 0:
        return timedelta(0)
    pause = min(timedelta(seconds=1 << (beyond - 1)), _LONGEST_WAIT)
    return max(timedelta(0), min(counter.last_at, now) + pause - now)


def after_failure(policy: Policy, counter: Counter, now: datetime) -> Counter:
    """Return the counter with one more failure."""
    return Counter(min(failures_now(policy, counter, now) + 1, policy.most), max(now, counter.last_at))


def should_warn(account: Counter, warned: Counter, now: datetime) -> bool:
    """Tell whether an account has seen so many failures that its owner should know: once a day.

    `warned` counts the warnings.
    """
    is_new = warned.failures == 0 or now - warned.last_at >= _WARNED_EVERY
    return is_new and failures_now(ACCOUNT, account, now) > ACCOUNT.free


def network(address: str) -> str:
    """Return what counts as one address: an IPv4 address, or the network of 64 bits that one customer is given.

    What is no address, since the client is not known, is one address too.
    """
    try:
        parsed: IPv4Address | IPv6Address = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv6Address):
        return str(parsed.ipv4_mapped or IPv6Network((int(parsed), _IPV6_PREFIX), strict=False))
    return str(parsed)
