"""The rule sets of a running stack, changed over HTTP in the name of whoever asks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from pydantic import SecretStr

from contracts.ids import new_id
from contracts.risk import Backtest, BacktestStatus, RuleSet, RuleSetPage
from ops.stack.errors import StackError

_RULE_SETS, _BACKTESTS = "/v1/risk/rule_sets", "/v1/risk/backtests"
_DEADLINE = 30.0
_LOOK_EVERY_SECONDS = 1.0
_LONGEST_BACKTEST_SECONDS = 3600.0


@dataclass(frozen=True)
class Period:
    """Which past payments: those asked for in `since` <= time < `until`, at most `limit`."""

    since: datetime
    until: datetime
    limit: int


class Rules:
    """What somebody who is logged in can do with rule sets. All of it raises StackError with a problem's own words."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def page(self, before: str | None) -> RuleSetPage:
        """Return a page of rule sets, newest first."""
        asked = {"before": before} if before else {}
        return RuleSetPage.model_validate(_answered(await self._http.get(_RULE_SETS, params=asked)))

    async def show(self, rule_set: str) -> RuleSet:
        """Return a rule set with its document."""
        return RuleSet.model_validate(_answered(await self._http.get(f"{_RULE_SETS}/{rule_set}")))

    async def draft(self, document: dict[str, Any]) -> RuleSet:
        """Keep a rule set."""
        return RuleSet.model_validate(await self._post(_RULE_SETS, {"document": document}))

    async def step(self, rule_set: str, step: str) -> RuleSet:
        """Take a step with it: shadow, approval, activation or retirement."""
        return RuleSet.model_validate(await self._post(f"{_RULE_SETS}/{rule_set}/{step}", None))

    async def roll_back(self) -> RuleSet:
        """Decide by the rules of before again."""
        return RuleSet.model_validate(await self._post(f"{_RULE_SETS}/rollback", None))

    async def backtest(self, rule_set: str, period: Period, tell: Callable[[Backtest], None]) -> Backtest:
        """Judge past payments, telling how far it is; canceled when this is."""
        asked = {
            "rule_set": rule_set,
            "since": period.since.isoformat(),
            "until": period.until.isoformat(),
            "limit": period.limit,
        }
        started = Backtest.model_validate(await self._post(_BACKTESTS, asked))
        try:
            async with asyncio.timeout(_LONGEST_BACKTEST_SECONDS):
                return await self._follow(started, tell)
        except asyncio.CancelledError:
            await self._post(f"{_BACKTESTS}/{started.id}/cancellation", None)
            raise

    async def _follow(self, backtest: Backtest, tell: Callable[[Backtest], None]) -> Backtest:
        while backtest.status is BacktestStatus.RUNNING:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            backtest = Backtest.model_validate(_answered(await self._http.get(f"{_BACKTESTS}/{backtest.id}")))
            tell(backtest)
        return backtest

    async def _post(self, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        return _answered(await self._http.post(path, json=body, headers={"Idempotency-Key": str(new_id())}))


@asynccontextmanager
async def logged_in(gateway: str, email: str, password: SecretStr) -> AsyncIterator[Rules]:
    """Log somebody in, and out in the end. Raises StackError."""
    async with httpx.AsyncClient(base_url=gateway, timeout=_DEADLINE) as http:
        try:
            credentials = {"email": email, "password": password.get_secret_value()}
            session = _answered(await http.post("/v1/sessions", json=credentials))
            http.headers["Authorization"] = f"Bearer {session['access_token']}"
            try:
                yield Rules(http)
            finally:
                await http.delete(f"/v1/sessions/{session['session_id']}")
        except httpx.HTTPError as error:
            raise StackError(f"the gateway does not answer ({type(error).__name__}) at {gateway}") from error


def _answered(answer: httpx.Response) -> dict[str, Any]:
    """Return what was answered. Raises StackError with the problem's own words."""
    try:
        content: dict[str, Any] = answer.json()
    except ValueError as error:
        raise StackError(f"the gateway answers {answer.status_code} without a document") from error
    if not answer.is_success:
        raise StackError(str(content.get("detail") or content.get("title") or answer.status_code))
    return content
