"""What users are written: plain text, in plain words."""

from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import urlencode

from pydantic import BaseModel, ConfigDict

from apps.identity.domain.sealing import Sealer
from contracts.identity import Origin, Purpose

VERIFY_PATH = "/account/verification"
RESET_PATH = "/account/password"


class Addressee(BaseModel):
    """To whom a message goes, and where the request for it came from."""

    model_config = ConfigDict(frozen=True)

    email: str
    origin: Origin | None = None

    def sealed(self, sealer: Sealer) -> bytes:
        """Return it as it is kept."""
        return sealer.seal(self.model_dump_json().encode())

    @classmethod
    def opened(cls, sealer: Sealer, sealed: bytes) -> "Addressee":
        """Read what was sealed. Raises SealBrokenError."""
        return cls.model_validate_json(sealer.open(sealed))


@dataclass(frozen=True)
class Mail:
    """A message as its reader gets it; its text may hold a token, so it is shown nowhere else."""

    to: str
    subject: str
    text: str = field(repr=False)


def written(purpose: Purpose, to: str, public_url: str, token: str, holds: timedelta) -> Mail:
    """Return the message of a purpose. `token` holds for so long; messages without one ignore it."""
    subject, text = _TEXTS[purpose]
    link = f"{public_url}{_PATHS[purpose]}?{urlencode({'token': token})}" if purpose in _PATHS else ""
    return Mail(to, subject, text.format(link=link, token=token, holds=_in_words(holds), url=public_url))


def _in_words(time: timedelta) -> str:
    hours = round(time.total_seconds() / 3600)
    return "an hour" if hours <= 1 else f"{hours} hours"


_VERIFY_EMAIL = """\
Welcome to LedgerLink.

Please confirm that this address is yours:

{link}

Programs send the token to POST {url}/v1/email_verifications:

{token}

It holds for {holds}. If you did not register, ignore this message.
"""
_RESET = """\
Somebody, hopefully you, asked for a new password of your LedgerLink account. Set it here:

{link}

Programs send the token and the password to POST {url}/v1/password_resets/confirm:

{token}

It holds for {holds}. If it was not you, ignore this message: your password stays as it is.
"""
_CHANGED = """\
The password of your LedgerLink account was changed, and your other sessions were ended.

If it was not you, ask for another one at once, with POST {url}/v1/password_resets.
"""
_SUSPICIOUS_LOGINS = """\
There were many attempts to log in to your LedgerLink account with a wrong password. They are being slowed down;
from the devices on which you have logged in before, you can log in as always.

There is nothing that you must do. A second factor makes a guessed password worthless; see POST /v1/users/me/totp at
{url}/docs.
"""
_PATHS = {Purpose.VERIFY_EMAIL: VERIFY_PATH, Purpose.RESET_PASSWORD: RESET_PATH}
_TEXTS = {
    Purpose.VERIFY_EMAIL: ("Confirm your e-mail address", _VERIFY_EMAIL),
    Purpose.RESET_PASSWORD: ("Set a new password", _RESET),
    Purpose.PASSWORD_CHANGED: ("Your password was changed", _CHANGED),
    Purpose.SUSPICIOUS_LOGINS: ("Somebody may be guessing your password", _SUSPICIOUS_LOGINS),
}
