"""What identity's tests share: a migrated database, quick password hashing, a token issuer."""

import os
from base64 import b64encode
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import pytest
from cryptography.fernet import Fernet

from apps.identity.domain.access_tokens import Issuer
from apps.identity.domain.passkeys import RelyingParty
from apps.identity.domain.passwords import Argon2Cost, Passwords
from apps.identity.domain.sealing import Sealer
from apps.identity.domain.secret_tokens import Derivation
from apps.identity.domain.signing_keys import KeyPair, Keyring
from apps.identity.handlers.parts import Lifetimes, Parts
from outbox.database import Database
from outbox.transaction import Spoken, Transactions
from tests.fresh_databases import FreshDatabaseFactory

T = TypeVar("T")
SEALING_KEY = Fernet.generate_key().decode()
TOKEN_KEY = b64encode(os.urandom(32)).decode()
CHEAP = Argon2Cost(memory_kib=64, time=1, lanes=1)


@pytest.fixture
def key_pair() -> KeyPair:
    return KeyPair.generate()


@pytest.fixture
def issuer(key_pair: KeyPair) -> Issuer:
    keyring, now = Keyring(), datetime.now(UTC)
    keyring.replace([(now - timedelta(days=1), key_pair)], now + timedelta(days=1))
    return Issuer(
        keyring=keyring,
        issuer="https://issuer.example",
        audience="https://api.example",
        lifetime=timedelta(minutes=15),
    )


@pytest.fixture
def parts(transactions: Transactions, passwords: Passwords, issuer: Issuer) -> Parts:
    return Parts(
        transactions=transactions,
        passwords=passwords,
        sealer=Sealer([SEALING_KEY]),
        derivation=Derivation([TOKEN_KEY]),
        issuer=issuer,
        lifetimes=Lifetimes(),
        relying_party=RelyingParty(
            "ledgerlink.example", ("https://ledgerlink.example", "https://app.ledgerlink.example")
        ),
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
