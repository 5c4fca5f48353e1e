import asyncio
import os
import signal

import pytest

from ops.interruption import Interrupted, interruptible


async def test_the_result_comes_after_the_clean_up() -> None:
    done: list[str] = []

    async def work() -> str:
        done.append("work")
        return "result"

    async def clean_up() -> None:
        done.append("clean-up")

    assert await interruptible(work(), clean_up) == "result"
    assert done == ["work", "clean-up"]


async def test_an_error_comes_after_the_clean_up() -> None:
    cleaned = asyncio.Event()

    async def work() -> None:
        raise LookupError

    async def clean_up() -> None:
        cleaned.set()

    with pytest.raises(LookupError):
        await interruptible(work(), clean_up)
    assert cleaned.is_set()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_signals_cancel_the_work_and_do_not_disturb_the_clean_up(number: signal.Signals) -> None:
    cleaned = asyncio.Event()

    async def work() -> None:
        os.kill(os.getpid(), number)
        await asyncio.sleep(30)

    async def clean_up() -> None:
        os.kill(os.getpid(), number)
        await asyncio.sleep(0.05)
        cleaned.set()

    with pytest.raises(Interrupted) as caught:
        await interruptible(work(), clean_up)
    assert caught.value.exit_code == 128 + number
    assert cleaned.is_set()


async def test_a_signal_during_the_clean_up_is_reported_at_its_end() -> None:
    async def work() -> str:
        return "result"

    async def clean_up() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0.05)

    with pytest.raises(Interrupted):
        await interruptible(work(), clean_up)
