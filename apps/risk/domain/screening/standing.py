"""Where matches and customers stand, and what analysts may say of a match."""

from collections.abc import Collection
from enum import Enum, StrEnum
from hashlib import sha256
from uuid import UUID

from apps.risk.domain.screening.names import Name
from contracts.risk import Screening, ScreeningOutcome, ScreeningStatus


class Standing(StrEnum):
    """What rules see as `payer_screening` and `beneficiary_screening`."""

    UNKNOWN = "unknown"
    CLEAR = "clear"
    POSSIBLE = "possible"
    CONFIRMED = "confirmed"


class ScreeningRefusal(Enum):
    """Why a match stays as it is."""

    SCREENING_NOT_FOUND = "screening_not_found"
    SCREENING_DECIDED = "screening_decided"
    SCREENING_WITHDRAWN = "screening_withdrawn"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return _DETAILS[self]


_DETAILS = {
    ScreeningRefusal.SCREENING_NOT_FOUND: "There is no screening with this id.",
    ScreeningRefusal.SCREENING_DECIDED: "This has been decided already.",
    ScreeningRefusal.SCREENING_WITHDRAWN: "The list has changed since; there is nothing to decide.",
}


def refusal(known: Screening | None, outcome: ScreeningOutcome) -> ScreeningRefusal | None:
    """Return why a match cannot be decided so. A decision can be changed: lists and knowledge do."""
    if known is None:
        return ScreeningRefusal.SCREENING_NOT_FOUND
    if known.status is ScreeningStatus.WITHDRAWN:
        return ScreeningRefusal.SCREENING_WITHDRAWN
    return ScreeningRefusal.SCREENING_DECIDED if known.status.value == outcome.value else None


def standing(matches: Collection[ScreeningStatus]) -> Standing:
    """Return where somebody stands who was screened, by the matches that there are."""
    if ScreeningStatus.CONFIRMED in matches:
        return Standing.CONFIRMED
    return Standing.POSSIBLE if ScreeningStatus.POSSIBLE in matches else Standing.CLEAR


def beneficiary_id(payer: UUID, name: str) -> UUID:
    """Return what stands for the beneficiary of that name of that payer: what was decided holds for the pair."""
    spelling = sha256(payer.bytes + Name.of(name).in_order.encode()).digest()
    return UUID(bytes=spelling[:16])
