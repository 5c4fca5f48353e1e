"""Screen those who are to get payouts, while the payments are decided; names are in memory only, unless they match."""

from collections.abc import Sequence
from uuid import UUID

from apps.risk.domain.assessing import Assessment
from apps.risk.domain.cases import CasePolicy
from apps.risk.domain.screening.parties import Screened
from apps.risk.domain.screening.standing import Standing, beneficiary_id
from apps.risk.handlers.listed_names import ListedNames
from apps.risk.handlers.matches import Found, keep_matches
from contracts.risk import SubjectKind
from outbox.cooperation import by_and_by
from outbox.transaction import Transaction


class BeneficiaryScreening:
    """Screens the beneficiaries that requests name, by the lists that this process has read."""

    def __init__(self, names: ListedNames, policy: CasePolicy) -> None:
        self._names = names
        self._policy = policy

    async def screen(self, tx: Transaction, assessments: Sequence[Assessment]) -> dict[UUID, Standing]:
        """Return where each beneficiary stands, by assessment id; missing: none is named, or there are no lists."""
        subjects: dict[UUID, UUID] = {}
        found: dict[UUID, Found] = {}
        named = [assessment for assessment in assessments if assessment.beneficiary]
        async for assessment in by_and_by(named, 1):
            name, payer = assessment.beneficiary or "", assessment.subject.payer
            matches = self._names.screen(Screened(name))
            if matches is None:
                return {}
            subject = subjects[assessment.id] = beneficiary_id(payer, name)
            kind, intent = SubjectKind.BENEFICIARY, assessment.payment_intent_id
            found.setdefault(subject, Found(subject, kind, payer, matches, name, intent))
        if not found:
            return {}
        standings = await keep_matches(tx, list(found.values()), self._policy)
        return {assessment: standings[subject] for assessment, subject in subjects.items()}
