"""The kinds of requests that a run of the bench consists of."""

from enum import StrEnum


class Kind(StrEnum):
    """What is measured, in the order in which it is: refunds are of the payments before them."""

    WALLET = "wallet"
    CARD = "card"
    WALLET_REFUND = "wallet-refund"
    CARD_REFUND = "card-refund"

    @property
    def refunded(self) -> "Kind | None":
        """Which payments it refunds; None for payments."""
        return {Kind.WALLET_REFUND: Kind.WALLET, Kind.CARD_REFUND: Kind.CARD}.get(self)

    @property
    def at_a_processor(self) -> bool:
        """Whether a processor is asked."""
        return self in (Kind.CARD, Kind.CARD_REFUND)
