import asyncio
import time

import httpx
import pytest

from apps.payments.domain.processing import Call, Result, ResultStatus, Verb
from apps.payments.processors.sandbox import SandboxProcessor
from apps.payments.tests.processors.local_servers import (
    SandboxProcess,
    Speak,
    answering,
    dripping,
    free_port,
    http_answer,
    settings_for,
    silent,
    speaking,
)
from contracts.ids import new_id

VISA = "tok_visa"


def call(verb: Verb = Verb.CHARGE, token: str = VISA, amount: int = 1250, **others: object) -> Call:
    method = {"type": "card", "token": token} if verb in {Verb.CHARGE, Verb.AUTHORISE, Verb.PAYOUT} else {}
    return Call(new_id(), verb, amount, "EUR", method, **others)  # type: ignore[arg-type]


async def reference_of(sandbox: SandboxProcessor, asked: Call) -> str:
    result = await sandbox.execute(asked)
    assert result.status is ResultStatus.APPROVED
    assert result.reference
    return result.reference


async def test_a_charge_is_approved_once(sandbox: SandboxProcessor) -> None:
    asked = call(statement_descriptor="LEDGERLINK", return_url="https://shop.example/back", metadata={"order": "7"})
    first = await sandbox.execute(asked)
    assert first == Result(ResultStatus.APPROVED, first.reference, amount=1250, currency="EUR")
    assert await sandbox.execute(asked) == first
    assert await sandbox.query(asked, None) == first


@pytest.mark.parametrize(
    ("token", "code"),
    [
        ("tok_declined", "card_declined"),
        ("tok_insufficient_funds", "insufficient_funds"),
        ("tok_expired", "expired_card"),
        ("tok_stolen", "stolen_card"),
        ("tok_lost", "lost_card"),
        ("tok_fraudulent", "fraudulent"),
        ("tok_incorrect_number", "incorrect_number"),
        ("tok_incorrect_cvc", "incorrect_cvc"),
        ("tok_processing_error", "processing_error"),
        ("tok_bank_closed", "account_closed"),
        ("tok_nobody_knows", "unknown_token"),
    ],
)
async def test_each_decline_has_its_code(sandbox: SandboxProcessor, token: str, code: str) -> None:
    result = await sandbox.execute(call(token=token))
    assert result.status is ResultStatus.DECLINED
    assert result.problem
    assert result.problem.code == code


async def test_an_authorisation_is_captured_and_refunded(sandbox: SandboxProcessor) -> None:
    parent = await reference_of(sandbox, call(Verb.AUTHORISE))
    capture = await reference_of(sandbox, call(Verb.CAPTURE, amount=1000, parent=parent))
    refund = await sandbox.execute(call(Verb.REFUND, amount=400, parent=capture))
    assert refund.status is ResultStatus.APPROVED
    too_much = await sandbox.execute(call(Verb.REFUND, amount=601, parent=capture))
    assert too_much.status is ResultStatus.DECLINED
    assert (await sandbox.execute(call(Verb.VOID, parent=parent))).status is ResultStatus.APPROVED


async def test_a_payout_goes_to_a_bank(sandbox: SandboxProcessor) -> None:
    asked = Call(new_id(), Verb.PAYOUT, 5000, "EUR", {"type": "bank", "token": "tok_bank"})
    assert (await sandbox.execute(asked)).status is ResultStatus.APPROVED


async def test_the_customer_may_have_to_act(sandbox: SandboxProcessor) -> None:
    asked = call(token="tok_requires_action")
    result = await sandbox.execute(asked)
    assert result.status is ResultStatus.REQUIRES_ACTION
    assert result.action_url
    async with httpx.AsyncClient() as customer:
        await customer.post(result.action_url, json={"result": "approve"})
    assert (await sandbox.query(asked, result.reference)).status is ResultStatus.APPROVED


async def test_pending_is_not_final(sandbox: SandboxProcessor) -> None:
    asked = call(token="tok_pending")
    assert (await sandbox.execute(asked)).status is ResultStatus.PENDING
    await asyncio.sleep(1.3)
    assert (await sandbox.query(asked, None)).status is ResultStatus.APPROVED


@pytest.mark.parametrize(
    ("token", "then"),
    [
        ("tok_timeout", ResultStatus.APPROVED),
        ("tok_timeout_declined", ResultStatus.DECLINED),
        ("tok_late", ResultStatus.APPROVED),
        ("tok_timeout_lost", ResultStatus.NOT_FOUND),
    ],
)
async def test_no_answer_is_unknown_until_asked(sandbox: SandboxProcessor, token: str, then: ResultStatus) -> None:
    asked = call(token=token)
    assert await sandbox.execute(asked) == Result(ResultStatus.UNKNOWN)
    assert (await sandbox.query(asked, None)).status is then


async def test_503_is_certainly_not_done(sandbox: SandboxProcessor, sandbox_server: SandboxProcess) -> None:
    asked = call(token="tok_unavailable")
    result = await sandbox.execute(asked)
    assert result.status is ResultStatus.FAILED
    assert result.problem
    assert result.problem.code == "processor_unavailable"
    assert (await sandbox.query(asked, None)).status is ResultStatus.NOT_FOUND
    backup = SandboxProcessor(settings_for(sandbox_server.url("sandbox_backup"), "sandbox_backup"))
    assert (await backup.execute(call(token="tok_unavailable"))).status is ResultStatus.APPROVED
    await backup.close()


async def test_a_key_that_was_used_for_something_else_is_unknown(sandbox: SandboxProcessor) -> None:
    asked = call()
    await sandbox.execute(asked)
    other = Call(asked.operation_id, Verb.CHARGE, 9999, "EUR", asked.method)
    assert await sandbox.execute(other) == Result(ResultStatus.UNKNOWN)


async def test_a_refused_request_has_a_code_that_is_not_one_of_ours(sandbox: SandboxProcessor) -> None:
    result = await sandbox.execute(Call(new_id(), Verb.CAPTURE, 100, "EUR"))  # of nothing
    assert result.status is ResultStatus.DECLINED
    assert result.problem
    assert result.problem.code == "processor_refused"


async def test_the_wrong_key_is_certainly_not_done(sandbox_server: SandboxProcess) -> None:
    stranger = SandboxProcessor(settings_for(sandbox_server.url(), api_key="somebody-elses-key"))
    assert (await stranger.execute(call())).status is ResultStatus.FAILED
    assert await stranger.query(call(), None) == Result(ResultStatus.UNKNOWN)
    await stranger.close()


async def test_nobody_there_is_certainly_not_done() -> None:
    nobody = SandboxProcessor(settings_for(f"http://127.0.0.1:{free_port()}/sandbox"))
    assert (await nobody.execute(call())).status is ResultStatus.FAILED
    assert await nobody.query(call(), None) == Result(ResultStatus.UNKNOWN)
    await nobody.close()


OTHER_THINGS = b'{"id": "sbx_1", "operation_id": "x", "status": "maybe"}'


@pytest.mark.parametrize(
    "speak",
    [
        pytest.param(silent, id="never answers"),
        pytest.param(dripping, id="answers a byte at a time"),
        pytest.param(answering(b""), id="closes"),
        pytest.param(answering(b"SSH-2.0-nonsense\r\n"), id="speaks something else"),
        pytest.param(answering(http_answer(200, b"{}")[:-1]), id="breaks off"),
        pytest.param(answering(http_answer(200, b"no json")), id="no json"),
        pytest.param(answering(http_answer(200, OTHER_THINGS)), id="other json"),
        pytest.param(answering(http_answer(500, b"{}")), id="500"),
        pytest.param(answering(http_answer(502, b"<html>")), id="502"),
        pytest.param(answering(http_answer(504, b"")), id="504"),
        pytest.param(answering(http_answer(302, b"")), id="302"),
        pytest.param(answering(http_answer(409, b'{"error": "in_progress"}')), id="409"),
    ],
)
async def test_whatever_else_happens_is_unknown_in_time(speak: Speak) -> None:
    async with speaking(speak) as url:
        processor = SandboxProcessor(settings_for(url, timeout_seconds=0.5))
        started = time.monotonic()
        assert await processor.execute(call()) == Result(ResultStatus.UNKNOWN)
        assert await processor.query(call(), None) == Result(ResultStatus.UNKNOWN)
        assert time.monotonic() - started < 10
        await processor.close()
