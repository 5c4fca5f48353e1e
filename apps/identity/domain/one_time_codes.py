"""One-time codes of authenticator apps (TOTP, RFC 6238): six digits, a step of thirty seconds, each taken once."""

import hmac
from datetime import datetime

import pyotp

_STEP_SECONDS = 30
_STEPS_APART = 1
"""How far a phone's clock may be off, in steps (RFC 6238 §5.2 recommends one)."""
_ISSUER = "LedgerLink"


def new_secret() -> str:
    """Return a secret of 160 bits in base32 (RFC 4226 §4, R6)."""
    return pyotp.random_base32()


def enrolment_uri(secret: str, email: str) -> str:
    """Return what the QR code carries that an authenticator app reads (the otpauth key URI format)."""
    return pyotp.TOTP(secret, interval=_STEP_SECONDS).provisioning_uri(name=email, issuer_name=_ISSUER)


def step_of(secret: str, code: str, now: datetime, last_step: int) -> int | None:
    """Return the step whose code this is, None when it is none of now, or of a step that was taken already.

    A step is taken once, and none before it is taken later (RFC 6238 §5.2): so a code that was seen over a shoulder
    is worth nothing.
    """
    totp = pyotp.TOTP(secret, interval=_STEP_SECONDS)
    present = int(now.timestamp()) // _STEP_SECONDS
    found = None
    for step in range(present - _STEPS_APART, present + _STEPS_APART + 1):
        if hmac.compare_digest(totp.generate_otp(step).encode(), code.encode()) and step > last_step:
            found = step
    return found
