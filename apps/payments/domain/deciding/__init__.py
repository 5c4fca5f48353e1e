"""The payment machine: what a signal makes of a payment. Nothing else decides about one.

Pure functions of (payment, signal); ids and the time are given. Every move of a payment's state goes through the
published table (domain.transitions), or is refused or ignored.
"""

from apps.payments.domain.deciding.decide import decide
from apps.payments.domain.deciding.step import Answer, Draft, Fact, Ignored, IllegalMoveError, Payment, Step, Terms

__all__ = ["Answer", "Draft", "Fact", "Ignored", "IllegalMoveError", "Payment", "Step", "Terms", "decide"]
