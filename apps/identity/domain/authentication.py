"""That a user is who they say: by what, how surely, and when (RFC 8176, NIST SP 800-63B)."""

from dataclasses import dataclass
from datetime import datetime

from apps.identity.domain.account import Account
from contracts.identity import Acr

PASSWORD, ONE_TIME_CODE, RECOVERY_CODE, PASSKEY = "pwd", "otp", "rec", "hwk"
TWO_FACTORS = "mfa"


@dataclass(frozen=True)
class Authentication:
    """Who was authenticated; `methods` become the token's `amr`."""

    account: Account
    acr: Acr
    methods: tuple[str, ...]
    at: datetime
