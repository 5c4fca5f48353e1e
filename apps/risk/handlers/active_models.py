"""The models that rule sets name, read once and kept in the process: their documents never change."""

from apps.risk.domain.scoring.model import Model
from apps.risk.store import models as store
from outbox.database import Reads

MOST_KEPT = 8
"""The active rule set's model, those of shadows, and those of the sets before."""


class ModelNotApprovedError(Exception):
    """A rule set names a model that nobody has approved, or that is not kept."""


class ActiveModels:
    """Approved models by hash, for one process."""

    def __init__(self) -> None:
        self._kept: dict[str, Model] = {}

    async def load(self, reads: Reads, model_hash: str | None) -> Model | None:
        """Return the model that a rule set names, None where it names none. Raises ModelNotApprovedError."""
        if model_hash is None:
            return None
        model = self._kept.get(model_hash)
        if model is None:
            canonical = await store.load_approved(reads, model_hash)
            if canonical is None:
                raise ModelNotApprovedError(f"the model {model_hash} is not approved")
            model = Model.of(canonical)
            while len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[model_hash] = model
        return model
