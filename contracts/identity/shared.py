"""What many messages of identity are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, SecretStr

from contracts.message import Message

TOKEN_ISSUER = "https://ledgerlink.example/identity"
TOKEN_AUDIENCE = "https://ledgerlink.example/api"
"""The `iss` and `aud` of access tokens where the settings name no others (RFC 9068 §2.2)."""
FIRST_PARTY_CLIENT = "ledgerlink"
"""The public client of those who log in at this API itself (POST /v1/sessions)."""
PAGE_LIMIT = 100


def _reveal(secret: SecretStr) -> str:
    return secret.get_secret_value()


Secret = Annotated[SecretStr, Field(min_length=1, max_length=512), PlainSerializer(_reveal, when_used="json")]
"""Shown on the wire, which is encrypted and stores nothing, and nowhere else."""
AnyToken = Annotated[SecretStr, Field(min_length=1, max_length=4096), PlainSerializer(_reveal, when_used="json")]
"""A token of whichever kind, also a signed one, which is longer."""
NewPassword = Annotated[SecretStr, Field(min_length=12, max_length=128), PlainSerializer(_reveal, when_used="json")]
GivenPassword = Annotated[SecretStr, Field(min_length=1, max_length=128), PlainSerializer(_reveal, when_used="json")]
Jkt = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{43}$", description="SHA-256 thumbprint of a DPoP key (RFC 7638)")]
Line = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""A short text of one line that a person reads."""


class Origin(BaseModel):
    """Where a request came from: personal data, so it is kept sealed and goes into no stream."""

    model_config = ConfigDict(frozen=True)

    address: Annotated[str, Field(max_length=64)]
    user_agent: Annotated[str, Field(max_length=512)] = ""


class Done(Message):
    """It has been done, and there is nothing more to say."""
