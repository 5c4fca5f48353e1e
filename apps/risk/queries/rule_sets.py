"""Answers what is asked about rule sets, backtests and shadows."""

from apps.risk.domain.backtesting import BacktestRefusal
from apps.risk.domain.change_control import RuleSetRefusal
from apps.risk.store import backtests, shadows
from apps.risk.store import rule_sets as store
from contracts.message import Envelope
from contracts.risk import (
    Backtest,
    BacktestPage,
    Flip,
    FlipPage,
    GetBacktest,
    GetRuleSet,
    ListBacktestFlips,
    ListBacktests,
    ListRuleSets,
    ListShadowFlips,
    RuleSet,
    RuleSetPage,
)
from outbox.database import Database
from outbox.responder import Refused


async def get_rule_set(database: Database, query: Envelope[GetRuleSet]) -> RuleSet:
    """Return one rule set with its document, its life and what it said in shadow. Raises Refused."""
    async with database.reads() as reads:
        found = await store.load_whole(reads, query.data.hash)
        if found is None:
            raise _refused(RuleSetRefusal.RULE_SET_NOT_FOUND, "hash")
        return found.model_copy(update={"shadow": await shadows.load_tally(reads, found.hash)})


async def list_rule_sets(database: Database, query: Envelope[ListRuleSets]) -> RuleSetPage:
    """Return a page of rule sets, and which is active; one more is read to tell whether there is another page."""
    asked = query.data
    async with database.reads() as reads:
        found = await store.load_page(reads, asked.before, asked.limit + 1)
        active = await store.load_active(reads)
    shown = found[: asked.limit]
    next_before = shown[-1].hash if len(found) > asked.limit else None
    return RuleSetPage(rule_sets=shown, active=active, next_before=next_before)


async def list_shadow_flips(database: Database, query: Envelope[ListShadowFlips]) -> FlipPage:
    """Return a page of what a rule set in shadow would have decided otherwise. Raises Refused."""
    asked = query.data
    async with database.reads() as reads:
        if await store.load_document(reads, asked.rule_set) is None:
            raise _refused(RuleSetRefusal.RULE_SET_NOT_FOUND, "rule_set")
        return _page(await shadows.load_flips(reads, asked.rule_set, asked.before, asked.limit + 1), asked.limit)


async def get_backtest(database: Database, query: Envelope[GetBacktest]) -> Backtest:
    """Return one backtest as far as it is. Raises Refused `backtest_not_found`."""
    async with database.reads() as reads:
        found = await backtests.load(reads, query.data.id)
    if found is None:
        raise _refused(BacktestRefusal.BACKTEST_NOT_FOUND, "id")
    return found


async def list_backtests(database: Database, _query: Envelope[ListBacktests]) -> BacktestPage:
    """Return all backtests that are kept, newest first."""
    async with database.reads() as reads:
        return BacktestPage(backtests=await backtests.load_all(reads))


async def list_backtest_flips(database: Database, query: Envelope[ListBacktestFlips]) -> FlipPage:
    """Return a page of the payments that come out otherwise. Raises Refused `backtest_not_found`."""
    asked = query.data
    async with database.reads() as reads:
        if await backtests.load(reads, asked.backtest) is None:
            raise _refused(BacktestRefusal.BACKTEST_NOT_FOUND, "backtest")
        return _page(await backtests.load_flips(reads, asked.backtest, asked.before, asked.limit + 1), asked.limit)


def _page(found: list[Flip], limit: int) -> FlipPage:
    """Return a page; one more was read to tell whether there is another."""
    shown = found[:limit]
    return FlipPage(flips=shown, next_before=shown[-1].assessment_id if len(found) > limit else None)


def _refused(refusal: RuleSetRefusal | BacktestRefusal, parameter: str) -> Refused:
    return Refused(refusal.value, refusal.detail, parameter)
