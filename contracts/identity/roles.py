"""Roles, and what each may do, as OAuth 2.0 scopes (RFC 6749 §3.3). Routes ask for scopes, never for roles."""

from collections.abc import Mapping
from enum import StrEnum


class Role(StrEnum):
    """What kind of account it is; the scopes of its tokens follow from it. A service is an OAuth client of its own."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"
    ANALYST = "analyst"
    OPERATOR = "operator"
    ADMIN = "admin"
    SERVICE = "service"


class Scope(StrEnum):
    """What a token allows."""

    PROFILE = "profile"
    WALLETS = "wallets"
    PAYMENTS = "payments"
    MERCHANT = "merchant"
    LEDGER_READ = "ledger:read"
    LEDGER_WRITE = "wallets:fund"
    REVIEWS = "reviews"
    RISK_READ = "risk:read"
    RISK_WRITE = "risk:write"
    RISK_APPROVE = "risk:approve"
    USERS = "users:manage"
    KEYS = "keys:manage"
    AUDIT = "audit:read"


MEANINGS: Mapping[Scope, str] = {
    Scope.PROFILE: "See and change your account, its sessions and its second factors",
    Scope.WALLETS: "See your wallets and move money between them",
    Scope.PAYMENTS: "See and make your payments",
    Scope.MERCHANT: "Manage your API keys and OAuth clients",
    Scope.LEDGER_READ: "See all accounts, wallets, statements and reconciliations",
    Scope.LEDGER_WRITE: "Keep the ledger: fund wallets, post journals, freeze and close accounts",
    Scope.REVIEWS: "See and decide the reviews of payments",
    Scope.RISK_READ: "See risk decisions, rule sets, lists, limits, screenings, cases and models",
    Scope.RISK_WRITE: "Draft and test rule sets, keep lists and limits, work on cases",
    Scope.RISK_APPROVE: "Approve, activate and roll back rule sets and models",
    Scope.USERS: "See all accounts of users, change their roles, deactivate them",
    Scope.KEYS: "Rotate the keys that sign tokens",
    Scope.AUDIT: "Read the log of security events",
}
"""What a scope allows, in words that a person is asked to agree to."""

_OWN = (Scope.PROFILE, Scope.WALLETS, Scope.PAYMENTS)
GRANTED: Mapping[Role, tuple[Scope, ...]] = {
    Role.CUSTOMER: _OWN,
    Role.MERCHANT: (*_OWN, Scope.MERCHANT),
    Role.ANALYST: (Scope.PROFILE, Scope.LEDGER_READ, Scope.REVIEWS, Scope.RISK_READ, Scope.RISK_WRITE, Scope.AUDIT),
    Role.OPERATOR: (*_OWN, Scope.LEDGER_READ, Scope.LEDGER_WRITE, Scope.REVIEWS, Scope.RISK_READ),
    Role.ADMIN: (Scope.PROFILE, Scope.USERS, Scope.KEYS, Scope.RISK_READ, Scope.RISK_APPROVE, Scope.AUDIT),
    Role.SERVICE: (Scope.WALLETS, Scope.PAYMENTS),
}
"""The scopes that a role has; a token has them all or fewer, never more."""
