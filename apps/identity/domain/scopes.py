"""Which scopes a token gets: never more than the account's role has (contracts.identity.GRANTED)."""

from collections.abc import Iterable

from contracts.identity import GRANTED, Role, Scope

MERCHANTS = tuple(role for role, scopes in GRANTED.items() if Scope.MERCHANT in scopes)
"""Whose API keys and OAuth clients hold: those who can see and revoke them."""


def scopes_of(role: Role) -> tuple[Scope, ...]:
    """Return all that a role may do."""
    return GRANTED[role]


def narrowed(role: Role, asked: Iterable[Scope]) -> tuple[Scope, ...]:
    """Return what of the asked the role has, in the order in which scopes are written down."""
    wanted = set(asked)
    return tuple(scope for scope in GRANTED[role] if scope in wanted)


def written(scopes: Iterable[Scope]) -> str:
    """Return scopes as a token carries them, separated by spaces (RFC 6749 §3.3)."""
    return " ".join(scopes)
