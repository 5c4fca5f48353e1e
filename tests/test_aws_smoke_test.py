"""What a deployment is asked at its end, asked of a whole system here, and of one that is not there."""

import asyncio

from deploy.aws.smoke_test import trouble
from ops.stack.ports import free_port
from ops.stack.stack import Stack


async def test_a_system_that_runs_has_no_trouble(stack: Stack) -> None:
    assert await asyncio.to_thread(trouble, stack.url, 60.0) is None


async def test_a_port_where_nobody_answers_is_told() -> None:
    problem = await asyncio.to_thread(trouble, f"http://127.0.0.1:{free_port()}", 0.0)
    assert problem is not None
    assert problem.startswith("/v1/ledger/keys: ")


async def test_a_gateway_without_what_it_needs_is_told(stack: Stack) -> None:
    problem = await asyncio.to_thread(trouble, f"{stack.url}/docs", 0.0)
    assert problem is not None
    assert "/v1/ledger/keys: answered 404" in problem
