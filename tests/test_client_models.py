"""The client's models say what the contracts say, which it cannot import: integrators install the client alone."""

import pkgutil
from enum import StrEnum
from importlib import import_module
from types import ModuleType
from typing import TypeVar

import pytest
from pydantic import BaseModel

from contracts import identity, message, payments, wallet
from ledgerlink_client import models
from ledgerlink_client.models.resource import Resource

T = TypeVar("T")
OTHERWISE_CALLED = {
    "Direction": payments.PaymentDirection,
    "Frozen": wallet.Direction,
    "HoldCapture": wallet.Capture,
    "TokenResponse": identity.AccessToken,
    "Wallet": wallet.Account,
}
OF_THE_GATEWAY = {"MissingPart", "Operation", "OperationStatus", "Overview", "PaymentEvent", "WebhookEvent"}
"""What no contract has: the gateway makes these, and the client's flow meets them."""
NOT_OF_THE_CLIENT = {
    "Problem": {"retry_after"},  # a header
    "Wallet": {"kind", "type", "normal_side", "processor", "external_id"},  # of accounts that are nobody's wallet
}


def _own(module: ModuleType, kind: type[T]) -> list[type[T]]:
    own = (one for one in vars(module).values() if isinstance(one, type) and one.__module__ == module.__name__)
    return [one for one in own if issubclass(one, kind) and one.__name__ not in OF_THE_GATEWAY]


MODULES = [import_module(f"{models.__name__}.{found.name}") for found in pkgutil.iter_modules(models.__path__)]
RESOURCES = [one for module in MODULES for one in _own(module, Resource) if one is not Resource]
ENUMS = [one for module in MODULES for one in _own(module, StrEnum)]


def _contract(name: str, kind: type[T]) -> type[T]:
    rooms = (identity, wallet, payments, message)
    found = OTHERWISE_CALLED.get(name) or next((vars(room)[name] for room in rooms if name in vars(room)), None)
    assert isinstance(found, type), f"no contract is called {name}: say what it is called there"
    assert issubclass(found, kind)
    return found


@pytest.mark.parametrize("shown", RESOURCES, ids=lambda shown: shown.__name__)
def test_a_resource_has_the_members_of_its_contract(shown: type[Resource]) -> None:
    told = _contract(shown.__name__, BaseModel).model_fields
    assert shown.model_fields.keys() == told.keys() - NOT_OF_THE_CLIENT.get(shown.__name__, set())
    demanded = {name for name, field in shown.model_fields.items() if field.is_required()}
    assert demanded <= {name for name, field in told.items() if field.is_required()}


@pytest.mark.parametrize("shown", ENUMS, ids=lambda shown: shown.__name__)
def test_a_state_or_reason_is_one_of_its_contract(shown: type[StrEnum]) -> None:
    assert set(shown) == set(_contract(shown.__name__, StrEnum))


def test_all_of_them_were_compared() -> None:
    assert {"PaymentIntent", "Refund", "WebhookEndpoint", "Wallet", "Session"} <= {one.__name__ for one in RESOURCES}
    assert {"PaymentStatus", "RefundReason", "DeliveryStatus"} <= {one.__name__ for one in ENUMS}
