"""A user's name and birth date, as they are kept: sealed under the user's key."""

from datetime import date

from pydantic import BaseModel, ConfigDict

from apps.identity.domain.sealing import SealBrokenError, Sealer


class PersonalDetails(BaseModel):
    """What a user has said of themselves; both are optional."""

    model_config = ConfigDict(frozen=True)

    name: str | None = None
    birth_date: date | None = None

    def sealed(self, sealer: Sealer, personal_key: bytes | None) -> bytes | None:
        """Return them as they are kept; None where nothing was said, or there is no key any more."""
        if self == PersonalDetails():
            return None
        return sealer.seal_personal(personal_key, self.model_dump_json().encode())

    @classmethod
    def opened(cls, sealer: Sealer, personal_key: bytes | None, sealed: bytes | None) -> "PersonalDetails":
        """Return what was sealed; nothing where nothing was, or no key that is configured opens it any more."""
        try:
            content = sealer.open_personal(personal_key, sealed)
        except SealBrokenError:
            return cls()
        return cls.model_validate_json(content) if content else cls()
