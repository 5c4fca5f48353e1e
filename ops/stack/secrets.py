"""The stack's passwords and keys: generated once, kept with mode 0600 in the data directory, never logged."""

import json
import os
import secrets
from base64 import b64encode
from pathlib import Path

import nkeys
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import BaseModel, Field, SecretStr, ValidationError

from contracts.topology import SERVICES, USERS
from ops.stack.errors import StackError
from ops.stack.private_files import write_private

PASSWORD_BYTES = 24
KEY_BYTES = 32
OPERATOR_EMAIL = "operator@ledgerlink.example"
ADMIN_EMAIL = "admin@ledgerlink.example"
PROCESSOR_ACCOUNTS = ("sandbox", "sandbox_backup")
"""Our accounts at the sandbox processor, in the order in which payments try them."""
ROLES = tuple(role for service in SERVICES for role in (service, f"{service}_owner"))


def _password() -> SecretStr:
    return SecretStr(secrets.token_urlsafe(PASSWORD_BYTES))  # URL-safe, because it goes into database URLs


def _nats_seed() -> SecretStr:
    return SecretStr(nkeys.encode_seed(os.urandom(32), nkeys.PREFIX_BYTE_USER).decode())


def _signing_key() -> SecretStr:
    key = Ed25519PrivateKey.generate()
    return SecretStr(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


def _webhook_secret() -> SecretStr:
    return SecretStr(f"whsec_{b64encode(os.urandom(KEY_BYTES)).decode()}")


def _random_key() -> SecretStr:
    return SecretStr(b64encode(os.urandom(KEY_BYTES)).decode())


def _fernet_key() -> SecretStr:
    return SecretStr(Fernet.generate_key().decode())


class ProcessorAccount(BaseModel):
    """What proves us to the sandbox processor, and it to us."""

    api_key: SecretStr = Field(default_factory=_password)
    webhook_secret: SecretStr = Field(default_factory=_webhook_secret)


class Secrets(BaseModel):
    """Everything secret that the stack hands to its processes."""

    superuser_password: SecretStr = Field(default_factory=_password)
    role_passwords: dict[str, SecretStr] = Field(default_factory=dict)
    nats_seeds: dict[str, SecretStr] = Field(default_factory=dict)
    valkey_password: SecretStr = Field(default_factory=_password)
    identity_secrets_key: SecretStr = Field(default_factory=_fernet_key)
    token_key: SecretStr = Field(default_factory=_random_key)
    pseudonym_key: SecretStr = Field(default_factory=_random_key)
    seal_key: SecretStr = Field(default_factory=_signing_key)
    webhook_signing_key: SecretStr = Field(default_factory=_random_key)
    endpoint_secrets_key: SecretStr = Field(default_factory=_fernet_key)
    processor_accounts: dict[str, ProcessorAccount] = Field(default_factory=dict)
    operator_email: str = OPERATOR_EMAIL
    operator_password: SecretStr = Field(default_factory=_password)
    admin_email: str = ADMIN_EMAIL
    admin_password: SecretStr = Field(default_factory=_password)

    def nats_public_key(self, user: str) -> str:
        """Return the public nkey of a NATS user. Raises KeyError."""
        seed = self.nats_seeds[user].get_secret_value().encode()
        return str(nkeys.from_seed(seed).public_key.decode())

    def complete(self) -> "Secrets":
        """Return the same with what a role, a NATS user or a processor account lacks."""
        passwords = {role: self.role_passwords.get(role) or _password() for role in ROLES}
        seeds = {user: self.nats_seeds.get(user) or _nats_seed() for user in USERS}
        accounts = {name: self.processor_accounts.get(name) or ProcessorAccount() for name in PROCESSOR_ACCOUNTS}
        return self.model_copy(
            update={"role_passwords": passwords, "nats_seeds": seeds, "processor_accounts": accounts}
        )


def load_or_create(path: Path) -> Secrets:
    """Return the secrets kept at `path`, made or completed if need be.

    Raises StackError when the file is unreadable: its servers would refuse any others, so it is not replaced.
    """
    try:
        text = path.read_text()
    except FileNotFoundError:
        text = "{}"
    try:
        known = Secrets.model_validate_json(text)
    except ValidationError as error:
        raise StackError(f"{path} is damaged; restore it, or start over with --fresh") from error
    complete = known.complete()
    if _plain(complete) != text:
        write_private(path, _plain(complete))
    return complete


def _plain(secret: Secrets) -> str:
    dumped = secret.model_dump()
    return json.dumps(dumped, indent=2, default=SecretStr.get_secret_value) + "\n"
