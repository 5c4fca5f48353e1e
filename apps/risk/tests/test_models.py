"""Models on a real database: kept for ever as they are, approved once by a second person, and listed newest first."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from apps.risk.domain.scoring.documents import ModelDocument
from apps.risk.domain.scoring.model import Model
from apps.risk.domain.scoring.registry import MOST_MODELS, ModelRefusal, read_document, register
from apps.risk.handlers.active_models import MOST_KEPT, ActiveModels, ModelNotApprovedError
from apps.risk.handlers.risk_models import change_models
from apps.risk.queries.risk_models import get_model, list_models
from apps.risk.store import models as store
from contracts.ids import new_id
from contracts.message import Envelope, Idempotency, Message, Reply, decode, envelope_of
from contracts.risk import ApproveModel, GetModel, ListModels, RegisterModel
from outbox.database import Database
from outbox.responder import Refused
from outbox.transaction import Spoken, Transactions

ADA, BOB = new_id(), new_id()
_SAID = "SELECT subject, envelope::text AS envelope FROM outbox ORDER BY position"


def document(name: str = "test", **changed: Any) -> str:
    scorer = {"kind": "logistic", "intercept": -3, "means": [1], "weights": [1], "lowest": [0], "highest": [9]}
    whole = {"name": name, "inputs": [{"feature": "payer_amount_ratio"}], "scorer": scorer, "metrics": {"auc_roc": 0.9}}
    return json.dumps(whole | changed)


def hash_of(text: str) -> str:
    return ModelDocument.model_validate_json(text).hash


def _envelope(data: Message) -> Envelope[Any]:
    return envelope_of(type(data))(
        id=new_id(),
        source="/ledgerlink/gateway",
        type=data.contract.type,
        time=datetime.now(UTC),
        correlationid="models",
        replyto="gateway.replies.test",
        data=data,
    )


def _idempotency() -> Idempotency:
    return Idempotency(scope="test", key=str(new_id()), fingerprint="0" * 64)


def registering(text: str, by: UUID = ADA) -> Envelope[Any]:
    return _envelope(RegisterModel(document=text, registered_by=by, idempotency=_idempotency()))


def approving(model: str, by: UUID = BOB) -> Envelope[Any]:
    return _envelope(ApproveModel(model=model, approved_by=by, idempotency=_idempotency()))


@dataclass
class Registry:
    """Commands in; replies and events out."""

    database: Database
    replies: dict[UUID, Reply] = field(default_factory=dict)

    async def _hear(self, spoken: Spoken) -> None:
        for _, payload in spoken.replies:
            reply = decode(payload, Reply)
            assert reply.causationid is not None
            self.replies[reply.causationid] = reply.data

    async def change(self, *commands: Envelope[Any]) -> list[str]:
        """Hand over a batch; return for each "completed", or the code of its refusal."""
        async with Transactions(self.database, "risk", self._hear).begin() as tx:
            await change_models(tx, commands)
        answers = [self.replies[command.id] for command in commands]
        return [answer.problem.code if answer.problem else answer.outcome.value for answer in answers]

    async def said(self) -> list[str]:
        return [row["subject"] for row in await self.database.pool.fetch(_SAID)]


@pytest.fixture
async def registry(database: Database) -> Registry:
    return Registry(database)


async def test_a_model_is_used_once_a_second_person_has_approved_it(registry: Registry) -> None:
    text = document()
    model = hash_of(text)
    assert await registry.change(registering(text), approving(model, ADA)) == [
        "completed", "model_approver_registered_it",
    ]  # fmt: skip
    async with registry.database.reads() as reads:
        assert await store.load_approved(reads, model) is None
        assert await store.load_document(reads, model) is not None
    assert await registry.change(approving(model), approving(model)) == ["completed", "model_approved"]
    async with registry.database.reads() as reads:
        canonical = await store.load_approved(reads, model)
    assert canonical is not None
    assert Model.of(canonical).hash == model
    assert await registry.said() == ["risk.events.model.registered", "risk.events.model.approved"]


async def test_the_same_document_is_the_same_model_however_it_is_written(registry: Registry) -> None:
    text = document()
    spaced = json.dumps(dict(reversed(json.loads(text).items())), indent=4)
    commands = registering(text), registering(spaced, BOB)
    assert await registry.change(*commands) == ["completed"] * 2
    first, second = (registry.replies[command.id].resource for command in commands)
    assert first == second
    assert first["registered_by"] == str(ADA)
    assert await registry.said() == ["risk.events.model.registered"]


async def test_what_is_no_model_is_refused_with_its_places(registry: Registry) -> None:
    broken = [registering("{}"), registering("not JSON"), registering(document(inputs=[{"feature": "mood"}]))]
    assert await registry.change(*broken, approving("0" * 64)) == ["model_invalid"] * 3 + ["model_not_found"]
    problem = registry.replies[broken[2].id].problem
    assert problem is not None
    assert problem.detail.startswith("inputs.0: Value error, there is no feature 'mood'")
    assert await registry.said() == []


async def test_models_are_listed_newest_first_and_read_whole(registry: Registry) -> None:
    texts = [document(f"m{n}") for n in range(3)]
    await registry.change(*(registering(text) for text in texts))
    page = await list_models(registry.database, _envelope(ListModels(limit=2)))
    assert [model.name for model in page.models] == ["m2", "m1"]
    rest = await list_models(registry.database, _envelope(ListModels(limit=2, before=page.next_before)))
    assert ([model.name for model in rest.models], rest.next_before) == (["m0"], None)
    assert page.models[0].document is None
    whole = await get_model(registry.database, _envelope(GetModel(hash=hash_of(texts[0]))))
    assert hash_of(json.dumps(whole.document)) == whole.hash
    assert (whole.kind, whole.inputs, whole.metrics) == ("logistic", ["payer_amount_ratio"], {"auc_roc": 0.9})
    with pytest.raises(Refused, match="model_not_found"):
        await get_model(registry.database, _envelope(GetModel(hash="0" * 64)))


def test_there_is_an_end_to_how_many_are_kept() -> None:
    read = read_document(document())
    assert register(None, read, ADA, MOST_MODELS, datetime.now(UTC)) is ModelRefusal.TOO_MANY_MODELS


async def test_the_database_itself_keeps_authors_from_approving(registry: Registry) -> None:
    text = document()
    await registry.change(registering(text))
    approval = "INSERT INTO model_approval VALUES ($1, $2, $3, now())"
    with pytest.raises(asyncpg.CheckViolationError):
        await registry.database.pool.execute(approval, hash_of(text), ADA, ADA)
    with pytest.raises(asyncpg.ForeignKeyViolationError):  # not by naming another author either
        await registry.database.pool.execute(approval, hash_of(text), BOB, ADA)


async def test_a_rule_set_scores_with_approved_models_only(registry: Registry) -> None:
    texts = [document(f"m{n}") for n in range(MOST_KEPT + 2)]
    await registry.change(*(registering(text) for text in texts))
    active, first = ActiveModels(), hash_of(texts[0])
    async with registry.database.reads() as reads:
        assert await active.load(reads, None) is None
        with pytest.raises(ModelNotApprovedError, match=first):
            await active.load(reads, first)
    await registry.change(*(approving(hash_of(text)) for text in texts))
    async with registry.database.reads() as reads:
        models = [await active.load(reads, hash_of(text)) for text in texts]
        assert await active.load(reads, hash_of(texts[-1])) is models[-1]
        again = await active.load(reads, first)
    assert again is not None
    assert again is not models[0]  # no more are kept than there is room for
    assert [model.document.name for model in (*models, again) if model] == [f"m{n}" for n in range(MOST_KEPT + 2)] + [
        "m0"
    ]
