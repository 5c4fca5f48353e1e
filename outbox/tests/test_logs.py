"""What is logged, and what never is."""

from typing import Literal

import pytest
import structlog

from outbox.logs import set_up_logs
from outbox.settings import LogSettings


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
