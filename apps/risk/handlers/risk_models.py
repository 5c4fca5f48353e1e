"""Register models, and let a second person approve them; both are said as events."""

from collections.abc import Sequence

from apps.risk.domain.scoring.registry import InvalidModelError, ModelRefusal, approve, read_document, register
from apps.risk.store import models as store
from contracts.message import Envelope, Outcome, Problem, Reply
from contracts.risk import ApproveModel, ModelApproved, ModelRegistered, RegisterModel, RiskModel
from outbox.transaction import Transaction

_Command = RegisterModel | ApproveModel


async def change_models(tx: Transaction, commands: Sequence[Envelope[_Command]]) -> None:
    """Register or approve the model of each command, in order, or refuse to."""
    accepted = await tx.first_time(commands)
    if not accepted:
        return
    models = await store.take_turn(tx)
    for command in accepted:  # few and far between: no batch of them is worth set-based writes
        match command.data:
            case RegisterModel() as asked:
                models += await _register(tx, command, asked, models)
            case ApproveModel() as asked:
                await _approve(tx, command, asked)


async def _register(tx: Transaction, command: Envelope[_Command], asked: RegisterModel, models: int) -> int:
    """Return how many models there are more."""
    try:
        document = read_document(asked.document)
    except InvalidModelError as error:
        _refuse(tx, command, "model_invalid", str(error))
        return 0
    kept = await store.load(tx, document.hash)
    outcome = register(kept, document, asked.registered_by, models, tx.now)
    if isinstance(outcome, ModelRefusal):
        _refuse(tx, command, outcome.value, outcome.detail)
        return 0
    if kept is None:
        await store.save_new(tx, outcome, document.canonical())
        tx.say(ModelRegistered.model_validate(outcome.model_dump()), command)
    _complete(tx, command, outcome)
    return int(kept is None)


async def _approve(tx: Transaction, command: Envelope[_Command], asked: ApproveModel) -> None:
    outcome = approve(await store.load(tx, asked.model), asked.approved_by, tx.now)
    if isinstance(outcome, ModelRefusal):
        _refuse(tx, command, outcome.value, outcome.detail)
        return
    await store.save_approval(tx, outcome)
    tx.say(ModelApproved.model_validate(outcome.model_dump()), command)
    _complete(tx, command, outcome)


def _complete(tx: Transaction, command: Envelope[_Command], model: RiskModel) -> None:
    resource = model.model_dump(mode="json", exclude={"document"})
    tx.answer(command, Reply(outcome=Outcome.COMPLETED, resource=resource))


def _refuse(tx: Transaction, command: Envelope[_Command], code: str, detail: str) -> None:
    parameter = "hash" if isinstance(command.data, ApproveModel) else "document"
    problem = Problem(code=code, detail=detail, parameter=parameter)
    tx.answer(command, Reply(outcome=Outcome.REFUSED, problem=problem))
