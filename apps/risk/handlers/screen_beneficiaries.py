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
        lists = self._names.lists
        named = [assessment for assessment in assessments if assessment.beneficiary]
        if lists is None or not named:
            return {}
        subjects: dict[UUID, UUID] = {}
        found: dict[UUID, Found] = {}
        async for assessment in by_and_by(named, 1):
            name, payer = assessment.beneficiary or "", assessment.subject.payer
            asked = Screened(name)
            subject = subjects[assessment.id] = beneficiary_id(payer, name)
            if subject not in found:
                kind, intent = SubjectKind.BENEFICIARY, assessment.payment_intent_id
                found[subject] = Found(subject, kind, payer, asked, lists.screen(asked), intent)
        standings = await keep_matches(tx, list(found.values()), lists, self._policy)
        return {assessment: standings[subject] for assessment, subject in subjects.items()}
