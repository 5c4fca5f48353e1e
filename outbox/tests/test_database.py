"""Which errors mean "ask again": a message must not pay for a database that is away."""

import asyncpg
import pytest

from outbox.database import is_transient

AWAY = (
    ConnectionResetError(),
    TimeoutError(),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.CrashShutdownError("terminating connection because of crash of another server process"),
    asyncpg.InterfaceError("cannot call Transaction.__aexit__(): the underlying connection is closed"),
    asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    asyncpg.DeadlockDetectedError("deadlock detected"),
    asyncpg.PostgresIOError("could not read block 0 in file: Input/output error"),
)
FAULTS = (
    ValueError("replyto must be risk.decisions.<service>"),
    asyncpg.CheckViolationError("new row violates check constraint"),
    asyncpg.DataError("invalid input for query argument"),
    asyncpg.InterfaceError("the server expects 2 arguments for this query, 1 was passed"),
)


@pytest.mark.parametrize("error", AWAY, ids=repr)
def test_a_database_that_is_away_is_no_fault_of_a_message(error: Exception) -> None:
    assert is_transient(error)


@pytest.mark.parametrize("error", FAULTS, ids=repr)
def test_a_fault_is_not_tried_for_ever(error: Exception) -> None:
    assert not is_transient(error)
