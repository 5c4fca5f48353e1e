"""What is kept sealed: secrets under the service's own keys, personal data under a key of each user's.

Erasing a user destroys their key, and with it all that it sealed, also in logs that nothing may change.
"""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class SealBrokenError(ValueError):
    """A sealed text is not one of ours, or was sealed under a key that is not configured any more."""


class Sealer:
    """Seals (Fernet: AES-128-CBC and HMAC-SHA-256). The first key seals, all of them open, so that keys can change."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Take Fernet keys. Raises ValueError when one is none."""
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, content: bytes) -> bytes:
        """Seal a secret of the service."""
        return self._fernet.encrypt(content)

    def open(self, sealed: bytes) -> bytes:
        """Return what was sealed. Raises SealBrokenError."""
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise SealBrokenError("a sealed text cannot be opened") from None

    def new_personal_key(self) -> bytes:
        """Make a user's key, sealed."""
        return self.seal(Fernet.generate_key())

    def seal_personal(self, personal_key: bytes | None, content: bytes) -> bytes | None:
        """Seal what is personal under a user's sealed key; who has none any more leaves no trace."""
        return None if personal_key is None else Fernet(self.open(personal_key)).encrypt(content)

    def open_personal(self, personal_key: bytes | None, sealed: bytes | None) -> bytes | None:
        """Return what is personal, None once its user is erased. Raises SealBrokenError."""
        if personal_key is None or sealed is None:
            return None
        try:
            return Fernet(self.open(personal_key)).decrypt(sealed)
        except InvalidToken:
            raise SealBrokenError("a personal text cannot be opened") from None
