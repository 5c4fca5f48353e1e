"""What payments are counted by."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple
from uuid import UUID

from apps.risk.domain.features.catalogue import ENTITIES

_KEY_BYTES = 16
_SEEN_BYTES = 8


class Entity(NamedTuple):
    """Something that payments are counted by: its kind by its place in ENTITIES, and 16 bytes that name it."""

    kind: int
    key: bytes


@dataclass(frozen=True)
class Subject:
    """What is asked about one payment, as far as features see it; the amount is in minor units.

    `payee` is the merchant. `device` and `address` are pseudonyms, `card` is a hash; None: the request names none.
    """

    assessment_id: UUID
    payer: UUID
    amount: int
    currency: str
    asked_at: datetime
    direction: str = "payment"
    method: str = "wallet"
    payee: UUID | None = None
    device: str | None = None
    address: str | None = None
    card: str | None = None
    country: str | None = None
    authenticated_at: datetime | None = None

    @cached_property
    def at(self) -> int:
        """When it was asked, in seconds since 1970."""
        return int(self.asked_at.timestamp())

    @cached_property
    def entities(self) -> tuple[Entity | None, ...]:
        """The entities in the order of ENTITIES, None where the payment has none of a kind."""
        payee = self.payee.bytes if self.payee else None
        keys = (
            self.payer.bytes,
            payee,
            _key(self.device),
            _key(self.address),
            _key(self.card),
            _digest(self.payer.bytes + payee) if payee else None,
        )
        return tuple(None if key is None else Entity(kind, key) for kind, key in enumerate(keys))

    @cached_property
    def seen_names(self) -> tuple[str | None, ...]:
        """The short names under which the entities are remembered as some of many that were seen with another."""
        return tuple(
            None if entity is None else blake2b(entity.key, digest_size=_SEEN_BYTES).hexdigest()
            for entity in self.entities
        )

    @property
    def payer_entity(self) -> Entity:
        """The payer, whom every payment has."""
        return Entity(PAYER, self.payer.bytes)


PAYER, PAYEE, DEVICE, ADDRESS, CARD, PAIR = range(len(ENTITIES))


def entities_of(subject: Subject) -> tuple[Entity, ...]:
    """Return what the payment is counted by."""
    return tuple(entity for entity in subject.entities if entity)


def _key(name: str | None) -> bytes | None:
    return None if name is None else _digest(name.encode())


def _digest(name: bytes) -> bytes:
    return blake2b(name, digest_size=_KEY_BYTES).digest()
