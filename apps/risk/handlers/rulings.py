"""Rule sets made ready from what is stored, with the models that they name, approved or not."""

import asyncio

from apps.risk.domain.rule_sets.compiling import CompiledRuleSet, Problem, RuleSetError
from apps.risk.domain.rule_sets.documents import RuleSetDocument
from apps.risk.domain.ruling import Ruling
from apps.risk.domain.scoring.model import Model
from apps.risk.store import models, rule_sets
from outbox.database import Reads


async def ruling_of(reads: Reads, document: RuleSetDocument) -> Ruling:
    """Check, compile and test a rule set. Raises RuleSetError, also where the model that it names is not kept."""
    model = None
    if document.model is not None:
        canonical = await models.load_document(reads, document.model)
        if canonical is None:
            raise RuleSetError([Problem("", "model", f"there is no model {document.model}")])
        model = Model.of(canonical)
    # In a thread: whoever waits for a decision meanwhile gets it in time.
    return Ruling(await asyncio.to_thread(CompiledRuleSet.of, document, model), model)


async def load_ruling(reads: Reads, name: str) -> Ruling:
    """Return a rule set that is kept. Raises LookupError, and RuleSetError where it cannot be used any more."""
    canonical = await rule_sets.load_document(reads, name)
    if canonical is None:
        raise LookupError(f"the rule set {name} is not kept")
    return await ruling_of(reads, RuleSetDocument.model_validate_json(canonical))
