"""Change which rules decide: draft, propose, approve, make active, retire, roll back; each is said as an event."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import ValidationError

from apps.risk.domain import change_control
from apps.risk.domain.change_control import MOST_RULE_SETS, Activation, Life, RuleSetRefusal
from apps.risk.domain.rule_sets.compiling import RuleSetError
from apps.risk.domain.rule_sets.documents import RuleSetDocument
from apps.risk.handlers import shadows
from apps.risk.handlers.rulings import load_ruling, ruling_of
from apps.risk.store import models
from apps.risk.store import rule_sets as store
from apps.risk.store.rule_sets import NewRuleSet
from contracts.message import Envelope, Message, Outcome, Problem, Reply
from contracts.risk import (
    RULE_SET_BYTES,
    ActivateRuleSet,
    ApproveRuleSet,
    DraftRuleSet,
    RetireRuleSet,
    RollBackRules,
    RuleSetActivated,
    RuleSetApproved,
    RuleSetDrafted,
    RuleSetRetired,
    RuleSetShadowed,
    RuleSetStatus,
    ShadowRuleSet,
)
from outbox.transaction import Transaction, Transactions

_Command = DraftRuleSet | ShadowRuleSet | ApproveRuleSet | ActivateRuleSet | RetireRuleSet | RollBackRules
_MOST_PROBLEMS = 20
_EVENTS: dict[RuleSetStatus, type[Message]] = {
    RuleSetStatus.DRAFT: RuleSetDrafted,
    RuleSetStatus.SHADOW: RuleSetShadowed,
    RuleSetStatus.APPROVED: RuleSetApproved,
    RuleSetStatus.RETIRED: RuleSetRetired,
}


class _RefusedError(Exception):
    """A command is refused, for this reason."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


async def change_rule_sets(tx: Transaction, commands: Sequence[Envelope[_Command]]) -> None:
    """Carry out each command in order, or refuse to."""
    accepted = await tx.first_time(commands)
    if not accepted:
        return
    await store.take_turn(tx)
    tx.wake(shadows.WORKER)
    for command in accepted:  # few and far between: no batch of them is worth set-based writes
        try:
            changed = await _Change(tx, command).carry_out()
        except _RefusedError as refused:
            tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=refused.problem))
        else:
            await _complete(tx, command, changed)


async def install_baseline(transactions: Transactions, baseline: RuleSetDocument) -> None:
    """Make the rule set that came with the product the active one, where none ever was."""
    async with transactions.begin() as tx:
        await store.take_turn(tx)
        if await store.load_active(tx) is not None:
            return
        await store.save(tx, NewRuleSet(baseline, None, tx.now))
        life = Life.begun((baseline.name, baseline.hash), None, tx.now)
        await store.save_changes(tx, [(life.then(RuleSetStatus.ACTIVE, None, tx.now), 2)])
        await store.save_activation(tx, Activation(baseline.hash, None), None)


@dataclass(frozen=True)
class _Change:
    """One command at work."""

    tx: Transaction
    command: Envelope[_Command]

    async def carry_out(self) -> str:
        """Return the hash of the rule set that changed. Raises _RefusedError."""
        match self.command.data:
            case DraftRuleSet() as asked:
                return await self._draft(asked)
            case ShadowRuleSet(rule_set=name, by=by):
                in_shadow = len(await store.load_in_shadow(self.tx))
                life = await self._load(name)
                return await self._step(change_control.put_in_shadow(life, by, in_shadow, self.tx.now))
            case ApproveRuleSet(rule_set=name, by=by):
                return await self._step(change_control.approve(await self._load(name), by, self.tx.now))
            case RetireRuleSet(rule_set=name, by=by):
                return await self._step(change_control.retire(await self._load(name), by, self.tx.now))
            case ActivateRuleSet() as asked:
                return await self._activate(asked)
            case RollBackRules(by=by):
                return await self._roll_back(by)

    async def _load(self, name: str) -> Life | None:
        return (await store.load_lives(self.tx, [name])).get(name)

    async def _draft(self, asked: DraftRuleSet) -> str:
        document = _read(asked.document)
        if await self._load(document.hash) is not None:
            return document.hash
        if await store.count(self.tx) >= MOST_RULE_SETS:
            raise _refused(RuleSetRefusal.TOO_MANY_RULE_SETS)
        try:
            await ruling_of(self.tx, document)
        except RuleSetError as error:
            raise _invalid(error) from None
        await store.save(self.tx, NewRuleSet(document, asked.author, self.tx.now))
        return await self._step(Life.begun((document.name, document.hash), asked.author, self.tx.now))

    async def _step(self, outcome: Life | RuleSetRefusal) -> str:
        if isinstance(outcome, RuleSetRefusal):
            raise _refused(outcome)
        await store.save_changes(self.tx, [(outcome, 1)])
        self._say(outcome)
        return outcome.hash

    async def _activate(self, asked: ActivateRuleSet) -> str:
        life = await self._load(asked.rule_set)
        if life is None or life.status is not RuleSetStatus.APPROVED:
            raise _refused(change_control.check_activation(life, model_approved=True))
        try:
            ruling = await load_ruling(self.tx, life.hash)
        except RuleSetError as error:
            raise _invalid(error) from None
        approved = ruling.model is None or await models.load_approved(self.tx, ruling.model.hash) is not None
        if refusal := change_control.check_activation(life, model_approved=approved):
            raise _refused(refusal)
        newest = await store.load_newest_activation(self.tx)
        await self._put_in_force(Activation(life.hash, newest.position if newest else None), asked.by)
        return life.hash

    async def _roll_back(self, by: UUID) -> str:
        newest = await store.load_newest_activation(self.tx)
        previous = await store.load_activation(self.tx, newest.previous) if newest else None
        back = change_control.back_to(newest, previous)
        if isinstance(back, RuleSetRefusal):
            raise _refused(back)
        try:
            await load_ruling(self.tx, back.rule_set)
        except RuleSetError as error:
            raise _invalid(error) from None
        await self._put_in_force(back, by)
        return back.rule_set

    async def _put_in_force(self, activation: Activation, by: UUID) -> None:
        replaced = await store.load_active(self.tx)
        lives = await store.load_lives(self.tx, {activation.rule_set, replaced or activation.rule_set})
        changed = change_control.replace_active(lives[activation.rule_set], lives.get(replaced or ""), by, self.tx.now)
        await store.save_changes(self.tx, [(life, 1) for life in changed])
        await store.save_activation(self.tx, activation, by)
        *retired, active = changed
        for life in retired:
            self._say(life)
        event = RuleSetActivated(
            hash=active.hash,
            name=active.name,
            by=by,
            at=self.tx.now,
            replaced=replaced,
            rolled_back=activation.rolled_back,
        )
        self.tx.say(event, self.command)

    def _say(self, life: Life) -> None:
        step = life.changes[-1]
        said = {"hash": life.hash, "name": life.name, "by": step.by, "at": step.at}
        self.tx.say(_EVENTS[step.status].model_validate(said), self.command)


async def _complete(tx: Transaction, command: Envelope[_Command], name: str) -> None:
    rule_set = await store.load_whole(tx, name)
    if rule_set is None:
        raise LookupError(f"the rule set {name} is not kept")
    resource = rule_set.model_dump(mode="json", exclude={"document", "shadow"}, exclude_none=True)
    tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource=resource))


def _read(text: str) -> RuleSetDocument:
    """Read a document. Raises _RefusedError, with rule and place of what is wrong."""
    try:
        document = RuleSetDocument.model_validate_json(text)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)[:_MOST_PROBLEMS]
        said = "; ".join(f"{'.'.join(map(str, f['loc'])) or 'document'}: {f['msg']}" for f in faults)
        raise _RefusedError(Problem(code="rule_set_invalid", detail=said, parameter="document")) from None
    # What is left out as it is written is there in the canonical form, which is what is kept.
    if (size := len(document.canonical())) > RULE_SET_BYTES:
        said = f"document: {size:,} bytes in its canonical form; the most is {RULE_SET_BYTES:,}"
        raise _RefusedError(Problem(code="rule_set_invalid", detail=said, parameter="document"))
    return document


def _invalid(error: RuleSetError) -> _RefusedError:
    shown = RuleSetError(error.problems[:_MOST_PROBLEMS])
    return _RefusedError(Problem(code="rule_set_invalid", detail=str(shown), parameter="document"))


def _refused(refusal: RuleSetRefusal | None) -> _RefusedError:
    refusal = refusal or RuleSetRefusal.RULE_SET_NOT_APPROVED
    return _RefusedError(Problem(code=refusal.value, detail=refusal.detail, parameter="rule_set"))
