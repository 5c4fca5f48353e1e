"""Which handler takes which message about lists and screenings, and the worker that screens customers."""

from functools import partial

from apps.risk.domain.cases import CasePolicy
from apps.risk.handlers import screenings
from apps.risk.handlers.listed_names import ListedNames
from apps.risk.handlers.lists import change_lists
from apps.risk.handlers.screen_beneficiaries import BeneficiaryScreening
from apps.risk.handlers.screen_customers import CustomerScreening
from apps.risk.queries import screenings as queries
from apps.risk.queries.lists import list_entries
from contracts.risk import GetScreening, ListListEntries, ListSanctionsLists, ListScreenings
from outbox.requester import Requester
from outbox.service import Service

IDENTITY_SECONDS = 5.0
"""How long identity may take to answer a question."""


def subscribe_screening(service: Service, threshold: int, policy: CasePolicy) -> BeneficiaryScreening:
    """Bind what has to do with lists; return what screens beneficiaries while payments are decided."""
    identity = Requester("risk", service.broker.connect, IDENTITY_SECONDS)
    names = ListedNames(threshold)
    customers = CustomerScreening(service.database, service.transactions, identity, names, policy)
    service.consume("risk-lists", change_lists)
    service.consume("risk-screenings", screenings.decide)
    service.answer(ListListEntries, list_entries)
    service.answer(ListScreenings, queries.list_screenings)
    service.answer(GetScreening, partial(queries.get_screening, identity))
    service.answer(ListSanctionsLists, queries.list_sanctions_lists)
    service.before_start(partial(names.refresh, service.database))
    service.work(customers.worker())
    return BeneficiaryScreening(names, policy)
