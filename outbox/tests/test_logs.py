"""What is logged, and what never is."""

import json
from typing import Literal

import pytest
import structlog

from contracts.wallet import OpenAccount
from outbox.database import Database
from outbox.logs import set_up_logs
from outbox.responder import Responder
from outbox.settings import LogSettings
from outbox.tests.conftest import open_account


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_a_traceback_shows_no_local_variable(
    log_format: Literal["console", "json"], capsys: pytest.CaptureFixture[str]
) -> None:
    set_up_logs(LogSettings(log_format=log_format), "wallet")
    try:
        _fail("hunter".upper())
    except ValueError:
        structlog.get_logger().exception("oops")
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    said = "".join(capsys.readouterr())
    assert "ValueError" in said
    assert "HUNTER" not in said


def _fail(password: str) -> None:
    raise ValueError(len(password))


async def test_lines_name_the_message_that_is_worked_on(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logs(LogSettings(log_format="json"), "wallet")
    message = open_account(traceparent=f"00-{7:032x}-{7:016x}-00")

    async def fail(_database: Database, _query: object) -> OpenAccount:
        structlog.get_logger().info("looking")
        raise ValueError("broken")

    try:
        await Responder(OpenAccount, fail, Database("", 1), "wallet").respond(message.encode())
        structlog.get_logger().info("afterwards")
    finally:
        structlog.reset_defaults()
        structlog.contextvars.clear_contextvars()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    about = {"service": "wallet", "event_id": str(message.id), "correlation_id": message.correlationid}
    about["trace_id"] = f"{7:032x}"
    assert [line["event"] for line in lines] == ["looking", "query failed", "afterwards"]
    assert all(about.items() <= line.items() for line in lines[:2])
    assert not {"event_id", "correlation_id", "trace_id"} & lines[2].keys()
