"""Writes down what happened to accounts, in the transaction in which it happens (the append-only security log)."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from apps.identity.domain.account import Account
from apps.identity.domain.origins import sealed_origin
from apps.identity.domain.sealing import Sealer
from apps.identity.store import security_events
from contracts.identity import Origin, SecurityEventKind
from contracts.ids import new_id
from outbox.transaction import Transaction


@dataclass(frozen=True)
class Happening:
    """Something that happened to an account, or to none that is known.

    `actor` did it, where that is not the user; `about` is what it was done to: a session, a key, a client.
    """

    kind: SecurityEventKind
    account: Account | None
    origin: Origin | None = None
    actor: UUID | None = None
    about: str | None = None


async def record(tx: Transaction, sealer: Sealer, happenings: Sequence[Happening]) -> None:
    """Add lines to the security log. Where it came from is sealed for the account, and not kept where there is none."""
    rows = [
        (new_id(), h.kind.value, tx.now, h.account and h.account.id, h.actor, h.about, _sealed(sealer, h))
        for h in happenings
    ]
    if rows:
        await security_events.add(tx, rows)


def _sealed(sealer: Sealer, happening: Happening) -> bytes | None:
    key = happening.account.personal_key if happening.account else None
    return sealed_origin(sealer, key, happening.origin)
