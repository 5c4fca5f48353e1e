"""What a role may do, as OAuth 2.0 scopes (RFC 6749 §3.3)."""

from contracts.identity import Role

SCOPES = {
    Role.CUSTOMER: ("wallets", "payments"),
    Role.OPERATOR: ("wallets", "payments", "wallets:fund"),
}


def scope_of(role: Role) -> str:
    """Return the role's scopes as a token carries them, separated by spaces."""
    return " ".join(SCOPES[role])
