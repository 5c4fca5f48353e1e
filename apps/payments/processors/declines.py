"""Why processors decline, in the customer's terms: the codes that they share, and what may be done about each."""

import re
from collections.abc import Mapping
from types import MappingProxyType

from contracts.message import Problem

_DETAILS: Mapping[str, str] = MappingProxyType(
    {
        "card_declined": "The card was declined without a reason; ask the bank, or pay with another card.",
        "insufficient_funds": "The card or account holds too little for this payment.",
        "expired_card": "The card has expired; pay with another one.",
        "incorrect_cvc": "The card's security code is wrong; enter it again.",
        "incorrect_number": "The card's number is wrong; enter it again.",
        "lost_card": "The card was declined; pay with another one.",
        "stolen_card": "The card was declined; pay with another one.",
        "fraudulent": "The payment was declined; pay with another card.",
        "processing_error": "The processor could not process the card; try again in a moment.",
        "authentication_failed": "The customer could not be authenticated; try again, or pay with another card.",
        "unknown_token": "The processor does not know this token; enter the card or account again.",
        "account_closed": "The bank account is closed; name another one.",
        "amount_not_possible": "The processor cannot move this amount of this currency.",
        "payment_method_not_possible": "The processor does not take this payment method in this currency.",
        "payment_canceled": "The payment was canceled at the processor.",
        "refund_failed": "The refund could not be paid out: the card or account does not take it.",
        "payout_failed": "The payout did not reach the bank account.",
    }
)
_OTHER = "The processor declined this; its code says why."
_CODE = re.compile(r"[a-z0-9_]{1,64}")


def decline(code: str | None, *, otherwise: str = "card_declined") -> Problem:
    """Return the problem for a processor's own code; `otherwise` stands for a code that is missing or no code."""
    told = code if code and _CODE.fullmatch(code) else otherwise
    return Problem(code=told, detail=_DETAILS.get(told, _OTHER))


PROCESSOR_UNAVAILABLE = Problem(
    code="processor_unavailable", detail="The processor cannot be reached now; nothing was charged."
)
PROCESSOR_REFUSED = Problem(
    code="processor_refused", detail="The processor did not take the request; nothing was charged."
)
