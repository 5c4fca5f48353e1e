"""Models that score payments: registered as documents, used once a second person has approved them."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import UUID7, AwareDatetime, Field

from contracts.message import Idempotency, Message, command, event, query

MODEL_BYTES = 320 * 1024
"""The largest model document: it travels in one message (contracts.topology.MAX_MESSAGE_BYTES)."""
MODELS_LIMIT = 100

ModelHash = Annotated[str, Field(pattern="^[0-9a-f]{64}$", description="SHA-256 of the model's canonical JSON")]


class RiskModel(Message):
    """A registered model. Rule sets name it by its hash, and only an approved one scores payments.

    `inputs` are the features that it sees; `training` and `metrics` are what it was fitted to and how good it was then.
    `document` is the whole model, where one is read.
    """

    hash: ModelHash
    name: str
    description: str = ""
    kind: Annotated[str, Field(description="trees or logistic")]
    inputs: list[str]
    training: Mapping[str, str | int] = Field(default_factory=dict)
    metrics: Mapping[str, float] = Field(default_factory=dict)
    registered_by: UUID7
    registered_at: AwareDatetime
    approved_by: UUID7 | None = None
    approved_at: AwareDatetime | None = None
    document: Mapping[str, Any] | None = None


class RiskModelPage(Message):
    """Models, newest first, without their documents; `next_before` continues after the last, None at the end."""

    models: list[RiskModel]
    next_before: ModelHash | None = None


@command("risk", "register_model", senders=("gateway",), answer=RiskModel)
class RegisterModel(Message):
    """Keep a model document (JSON, as `ledgerlink risk train` writes it). One that is kept already stays as it is.

    Refused with `model_invalid`, `too_many_models`.
    """

    document: Annotated[str, Field(min_length=2, max_length=MODEL_BYTES)]
    registered_by: UUID7
    idempotency: Idempotency


@command("risk", "approve_model", senders=("gateway",), answer=RiskModel)
class ApproveModel(Message):
    """Let a model be used by rule sets.

    Refused with `model_not_found`, `model_approved`, `model_approver_registered_it`.
    """

    model: ModelHash
    approved_by: UUID7
    idempotency: Idempotency


@query("risk", "get_model", senders=("gateway",), answer=RiskModel)
class GetModel(Message):
    """Read one model with its document. Refused with `model_not_found`."""

    hash: ModelHash


@query("risk", "list_models", senders=("gateway",), answer=RiskModelPage)
class ListModels(Message):
    """Read models, newest first, those registered before the model `before`."""

    before: ModelHash | None = None
    limit: Annotated[int, Field(ge=1, le=MODELS_LIMIT)] = 20


@event("risk", "model.registered")
class ModelRegistered(Message):
    """A model is kept, and waits for somebody to approve it."""

    hash: ModelHash
    name: str
    registered_by: UUID7
    registered_at: AwareDatetime


@event("risk", "model.approved")
class ModelApproved(Message):
    """A second person has approved a model: rule sets may use it."""

    hash: ModelHash
    name: str
    registered_by: UUID7
    approved_by: UUID7
    approved_at: AwareDatetime
