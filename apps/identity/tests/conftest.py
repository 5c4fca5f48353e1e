"""What identity's tests share: a migrated database, quick password hashing, a token issuer."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from apps.identity.domain.access_tokens import Issuer, SigningKey
from apps.identity.domain.passwords import Argon2Cost, Passwords
from outbox.database import Database
from outbox.transaction import Spoken, Transactions
from tests.fresh_databases import FreshDatabaseFactory

T = TypeVar("T")
CHEAP = Argon2Cost(memory_kib=64, time=1, lanes=1)


@pytest.fixture
def signing_key_pem() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def issuer(signing_key_pem: str) -> Issuer:
    return Issuer(
        key=SigningKey(signing_key_pem),
        issuer="https://issuer.example",
        audience="https://api.example",
        client_id="tests",
        lifetime=timedelta(minutes=15),
    )


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(CHEAP, threads=2)


@pytest.fixture
async def database(fresh_database: FreshDatabaseFactory) -> AsyncIterator[Database]:
    database = Database((await fresh_database("identity")).url, 4)
    await database.open()
    yield database
    await database.close()


@pytest.fixture
def transactions(database: Database) -> Transactions:
    async def heard(_spoken: Spoken) -> None:
        """No relay runs in these tests."""

    return Transactions(database, "identity", heard)
