"""The running parts of the identity service, which its handlers use."""

from dataclasses import dataclass, field
from datetime import timedelta

from apps.identity.domain.access_tokens import Issuer
from apps.identity.domain.passkeys import Challenges, RelyingParty
from apps.identity.domain.passwords import Passwords
from apps.identity.domain.sealing import Sealer
from apps.identity.domain.secret_tokens import Derivation
from apps.identity.domain.signing_keys import Schedule
from outbox.transaction import Transactions


@dataclass(frozen=True)
class Lifetimes:
    """How long things hold."""

    session: timedelta = timedelta(days=30)
    idle: timedelta = timedelta(days=14)
    code: timedelta = timedelta(minutes=1)
    ticket: timedelta = timedelta(minutes=10)
    challenge: timedelta = timedelta(minutes=5)
    email_token: timedelta = timedelta(hours=24)
    reset_token: timedelta = timedelta(hours=1)


@dataclass(frozen=True)
class Parts:
    """Everything that a handler may need, made once."""

    transactions: Transactions
    passwords: Passwords
    sealer: Sealer
    derivation: Derivation
    issuer: Issuer
    lifetimes: Lifetimes
    relying_party: RelyingParty
    schedule: Schedule = field(default_factory=Schedule)

    @property
    def challenges(self) -> Challenges:
        """Makes challenges for passkeys."""
        return Challenges(self.derivation, self.lifetimes.challenge)
