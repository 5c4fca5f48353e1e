"""Which models may be registered, and who may approve them: nobody approves a model that is their own."""

from datetime import datetime
from enum import Enum
from uuid import UUID

from pydantic import ValidationError

from apps.risk.domain.scoring.documents import DOCUMENT_BYTES, ModelDocument
from contracts.risk import RiskModel

MOST_MODELS = 1_000
"""So many are ever kept; a service that trains every day gets along with them for years."""
_MOST_FAULTS = 5


class ModelRefusal(Enum):
    """Why a command about a model is refused: its code."""

    TOO_MANY_MODELS = "too_many_models"
    MODEL_NOT_FOUND = "model_not_found"
    MODEL_APPROVED = "model_approved"
    MODEL_APPROVER_REGISTERED_IT = "model_approver_registered_it"

    @property
    def detail(self) -> str:
        """The sentence for people."""
        return _DETAILS[self]


_DETAILS = {
    ModelRefusal.TOO_MANY_MODELS: f"{MOST_MODELS:,} models are registered, and no more can be.",
    ModelRefusal.MODEL_NOT_FOUND: "There is no model with this hash.",
    ModelRefusal.MODEL_APPROVED: "The model has been approved already.",
    ModelRefusal.MODEL_APPROVER_REGISTERED_IT: "Somebody else than who registered the model has to approve it.",
}


class InvalidModelError(Exception):
    """A document that is no model; its text names the places."""


def read_document(text: str) -> ModelDocument:
    """Read a model document. Raises InvalidModelError."""
    try:
        document = ModelDocument.model_validate_json(text)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        said = [f"{'.'.join(map(str, f['loc'])) or 'document'}: {f['msg']}" for f in faults[:_MOST_FAULTS]]
        raise InvalidModelError("; ".join(said)) from None
    if len(document.canonical()) > DOCUMENT_BYTES:
        raise InvalidModelError(f"document: larger than {DOCUMENT_BYTES:,} bytes in its canonical form")
    return document


def register(
    kept: RiskModel | None, document: ModelDocument, author: UUID, models: int, now: datetime
) -> RiskModel | ModelRefusal:
    """Return the model as kept: as it was where it is kept already, else new, where there is room beside `models`."""
    if kept is not None:
        return kept
    if models >= MOST_MODELS:
        return ModelRefusal.TOO_MANY_MODELS
    return RiskModel(
        hash=document.hash,
        name=document.name,
        description=document.description,
        kind=document.scorer.kind,
        inputs=[i.feature for i in document.inputs],
        training=document.training,
        metrics=document.metrics,
        registered_by=author,
        registered_at=now,
    )


def approve(kept: RiskModel | None, approver: UUID, now: datetime) -> RiskModel | ModelRefusal:
    """Return the model as approved, or why it is not."""
    if kept is None:
        return ModelRefusal.MODEL_NOT_FOUND
    if kept.approved_by is not None:
        return ModelRefusal.MODEL_APPROVED
    if kept.registered_by == approver:
        return ModelRefusal.MODEL_APPROVER_REGISTERED_IT
    return kept.model_copy(update={"approved_by": approver, "approved_at": now})
