"""The rule sets of a running stack, changed over HTTP in the name of whoever asks."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.risk import Backtest, BacktestStatus, RuleSet, RuleSetPage
from ops.gateway_session import GatewaySession

_RULE_SETS, _BACKTESTS = "/v1/risk/rule_sets", "/v1/risk/backtests"
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

    def __init__(self, session: GatewaySession) -> None:
        self._session = session

    async def page(self, before: str | None) -> RuleSetPage:
        """Return a page of rule sets, newest first."""
        asked = {"before": before} if before else {}
        return RuleSetPage.model_validate(await self._session.get(_RULE_SETS, asked))

    async def show(self, rule_set: str) -> RuleSet:
        """Return a rule set with its document."""
        return RuleSet.model_validate(await self._session.get(f"{_RULE_SETS}/{rule_set}"))

    async def draft(self, document: dict[str, Any]) -> RuleSet:
        """Keep a rule set."""
        return RuleSet.model_validate(await self._session.post(_RULE_SETS, {"document": document}))

    async def step(self, rule_set: str, step: str) -> RuleSet:
        """Take a step with it: shadow, approval, activation or retirement."""
        return RuleSet.model_validate(await self._session.post(f"{_RULE_SETS}/{rule_set}/{step}", None))

    async def roll_back(self) -> RuleSet:
        """Decide by the rules of before again."""
        return RuleSet.model_validate(await self._session.post(f"{_RULE_SETS}/rollback", None))

    async def backtest(self, rule_set: str, period: Period, tell: Callable[[Backtest], None]) -> Backtest:
        """Judge past payments, telling how far it is; canceled when this is."""
        asked = {
            "rule_set": rule_set,
            "since": period.since.isoformat(),
            "until": period.until.isoformat(),
            "limit": period.limit,
        }
        started = Backtest.model_validate(await self._session.post(_BACKTESTS, asked))
        try:
            async with asyncio.timeout(_LONGEST_BACKTEST_SECONDS):
                return await self._follow(started, tell)
        except asyncio.CancelledError:
            await self._session.post(f"{_BACKTESTS}/{started.id}/cancellation", None)
            raise

    async def _follow(self, backtest: Backtest, tell: Callable[[Backtest], None]) -> Backtest:
        while backtest.status is BacktestStatus.RUNNING:
            await asyncio.sleep(_LOOK_EVERY_SECONDS)
            backtest = Backtest.model_validate(await self._session.get(f"{_BACKTESTS}/{backtest.id}"))
            tell(backtest)
        return backtest
