"""What stops a payment whatever the rules say of it, as far as it is known without asking the database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from apps.risk.domain.features.entities import Subject
from apps.risk.domain.lists import MOST_ENTRIES, Named, names_of
from contracts.risk import Assess

MOST_KEPT = MOST_ENTRIES
"""Of deny-list entries, and of payers with a confirmed match: 40 MB if there are so many of both."""


class Doubt(StrEnum):
    """Why a payment is not approved at the deadline. `unknown`: there is more than a process remembers."""

    BENEFICIARY = "beneficiary"
    DENIED = "denied"
    CONFIRMED = "confirmed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Denials:
    """The deny list, each entry with its expiry, and the payers of whom an analyst has confirmed a sanctions match.

    Not `complete`: there are more of them, and who is not among these may be among those.
    """

    entries: Mapping[Named, datetime | None] = field(default_factory=dict)
    payers: frozenset[UUID] = frozenset()
    complete: bool = False

    def doubt(self, payment: Subject | Assess, now: datetime) -> Doubt | None:
        """Return why a payment is not to be approved, None where nothing is known against it."""
        if payment.payer in self.payers:
            return Doubt.CONFIRMED
        if any(self._denies(named, now) for named in names_of(payment)):
            return Doubt.DENIED
        return None if self.complete else Doubt.UNKNOWN

    def _denies(self, named: Named, now: datetime) -> bool:
        if named not in self.entries:
            return False
        expires_at = self.entries[named]
        return expires_at is None or now < expires_at
