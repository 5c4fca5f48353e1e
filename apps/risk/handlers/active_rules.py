"""The rules that decide now, for one process: compiled once, and asked for by name in each transaction."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from prometheus_client import Counter

from apps.risk.domain.rule_sets.compiling import CompiledRuleSet, RuleSetError
from apps.risk.domain.rule_sets.documents import RuleSetDocument
from apps.risk.domain.ruling import Ruling
from apps.risk.handlers.active_models import ActiveModels, ModelNotApprovedError
from apps.risk.store import decisions as store
from apps.risk.store.decisions import CATALOGUE_DOCUMENT, Document
from outbox.database import Reads
from outbox.transaction import Transaction, Transactions

_LOG = structlog.get_logger()
MOST_KEPT = 8
NOT_USABLE = Counter(
    "ledgerlink_risk_rule_set_not_usable_total", "Batches decided by the rules of before: the active ones do not work"
)

FindActive = Callable[[Reads], Awaitable[tuple[str, bytes] | None]]
"""Returns hash and canonical document of the active rule set; None where none is."""


async def _none_is_active(_reads: Reads) -> tuple[str, bytes] | None:
    return None


class ActiveRules:
    """The rule set that is active, and the model that it names.

    `baseline` decides where none is active. One that does not compile here, or whose model is not approved, is not
    used: payments are decided by the rules of before, which every decision names.
    """

    def __init__(self, baseline: RuleSetDocument, find_active: FindActive = _none_is_active) -> None:
        self._find_active = find_active
        self._models = ActiveModels()
        self._ruling = self._baseline = Ruling(CompiledRuleSet.of(baseline))
        self._rulings = {self._baseline.rules.hash: self._baseline}
        self._kept: set[str] = set()
        self._broken: str | None = None

    @property
    def latest(self) -> Ruling:
        """The rules that decided last: what is known of them without asking anybody."""
        return self._ruling

    async def begin(self, transactions: Transactions) -> None:
        """Load them before the first request: that has no time to compile them, and is answered by their policy."""
        async with transactions.begin() as tx:
            await self.load(tx)

    async def load(self, tx: Transaction) -> Ruling:
        """Return the rules that are active as of this transaction, and see to it that they are kept for replays."""
        found = await self._find_active(tx)
        self._ruling = self._baseline if found is None else await self._usable(tx, *found)
        await self._keep(tx, self._ruling)
        return self._ruling

    async def _usable(self, tx: Transaction, name: str, canonical: bytes) -> Ruling:
        if ruling := self._rulings.get(name):
            return ruling
        if name == self._broken:
            NOT_USABLE.inc()
            return self._ruling
        try:
            document = RuleSetDocument.model_validate_json(canonical)
            model = await self._models.load(tx, document.model)
            # In a thread: whoever waits for an answer meanwhile gets it in time.
            rules = await asyncio.to_thread(CompiledRuleSet.of, document, model)
        except (ValueError, RuleSetError, ModelNotApprovedError) as error:
            if not isinstance(error, ModelNotApprovedError):  # a model may still be approved, a document never changes
                self._broken = name
            NOT_USABLE.inc()
            _LOG.error("the active rule set cannot be used, the one before goes on", rule_set=name, error=str(error))
            return self._ruling
        while len(self._rulings) >= MOST_KEPT:
            del self._rulings[next(iter(self._rulings))]
        ruling = self._rulings[name] = Ruling(rules, model)
        return ruling

    async def _keep(self, tx: Transaction, ruling: Ruling) -> None:
        """Keep the documents that decide. They are known to be kept once a later transaction has found them."""
        if ruling.rules.hash in self._kept:
            return
        documents = {d.hash: d for d in (CATALOGUE_DOCUMENT, *_documents(ruling))}
        if await store.keep_documents(tx, documents):
            self._kept.add(ruling.rules.hash)


def _documents(ruling: Ruling) -> list[Document]:
    made = [Document(ruling.rules.hash, "rule_set", ruling.rules.document.canonical().decode())]
    if ruling.model:
        made.append(Document(ruling.model.hash, "model", ruling.model.document.canonical().decode()))
    return made
