"""Proof for those who do not trust the ledger: the receipt of an entry, and the keys that it is signed with."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from contracts.proof import Receipt
from contracts.wallet import GetReceipt, GetSealKeys, GetTransfer, SealKeys
from gateway.accounts import is_ours
from gateway.dependencies import ContextDep, PartsDep, WalletsCaller
from gateway.error_handlers import invalid_request
from gateway.openapi import problems, success
from gateway.outcomes import DONE, json_response
from gateway.parts import Parts
from gateway.problems import ProblemError
from gateway.request_context import Caller, RequestContext

router = APIRouter(tags=["proof"])

KEY_EXAMPLE = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "ZtFEC_R8I_g6l3Yto1qliR2Ac0lH37rC97wWlKRhFpA",
    "kid": "g5OEuWEKc7jBlQvYyXK5Y3KDFVa4MJcYGUuixsHcFpk",
    "use": "sig",
    "first_used_at": "2026-01-01T09:31:30.123456Z",
}
EXAMPLE = {
    "version": 1,
    "entry": {
        "kind": "entry",
        "sequence": 41,
        "side": "credit",
        "transfer_id": "01990f3e-7c30-7d44-9e55-5f66a77b8801",
        "account_id": "01990f3e-6a00-7b11-8c22-3d33e44f5501",
        "counterparty": "01990f3e-0001-7000-8000-000000000001",
        "amount": 10000,
        "currency": "EUR",
        "balance_after": 10000,
        "effective_at": "2026-01-05T09:31:30.123456Z",
        "posted_at": "2026-01-05T09:31:30.123456Z",
        "fingerprint": "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9",
    },
    "leaf": "2a93b291514faf21edfda2cc099e2f0028af3d947c4930b94a39a58fa8d8af38",
    "index": 1,
    "path": [
        "37c5294c302ed223744fcf780892a613e68015078526706fd96ecd195a8e4d8c",
        "19e5d37551468113d6d21f0667cbc9ef59914fb2b2301da2f61fe04eacfef4fe",
        "34227256dd2dfc40603fcbbe260093afde3e011e496a96b895ad4387fd545c28",
    ],
    "seal": {
        "kind": "seal",
        "number": 7,
        "first_sequence": 41,
        "last_sequence": 43,
        "records_from": 812,
        "records_until": 860,
        "leaves": 7,
        "root": "d0be8ff7109bf41a9a5b0ed1395ccf89c4306f38a969d1980d755d7b91e7b5c9",
        "previous": "5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c5c",
        "sealed_at": "2026-01-05T09:31:30.373456Z",
        "key_id": KEY_EXAMPLE["kid"],
        "hash": "b940a0a6697d4be83e0cb8e022f73363c777edc31fb7f451ecf95c31ee7fdd50",
        "signature": "ebebbe9a038fedae8d09fbbcc2db3f6c15afbeae7c2dfacbd0a31909a5357ea3"
        "7bf336d2314071c063361f81ad8c5635aa16d3cf2a787c169b804caf1650820b",
    },
    "key": KEY_EXAMPLE,
}
_UNKNOWN = "No transfer from or to a wallet of yours has this id."
_NOT_SEALED = "The transfer is posted and will be sealed in a moment; ask again."
_NAME_ONE = ("query/account_id", "An operator must name the account whose side of the transfer is to be proved")


@router.get(
    "/v1/transfers/{transfer_id}/receipt",
    response_model=None,
    summary="Read the receipt of a transfer",
    responses={
        DONE: success(Receipt, "The proof of one side of the transfer", EXAMPLE),
        **problems(
            {"transfer_not_found": _UNKNOWN, "not_sealed_yet": _NOT_SEALED},
            asks="wallet",
            scope="wallets",
        ),
    },
)
async def get_receipt(
    transfer_id: UUID,
    caller: WalletsCaller,
    parts: PartsDep,
    context: ContextDep,
    account_id: Annotated[
        UUID | None, Query(description="Whose side, if both are yours; operators name any account of the transfer")
    ] = None,
) -> Response:
    """Read the proof that the ledger holds your side of a transfer, and never changed it.

    Verify it offline with `ledgerlink verify receipt.json --key keys.json`, where `keys.json` is what
    `GET /v1/ledger/keys` answered when you first trusted it. A transfer is sealed about a second after it is posted.
    """
    if not is_ours(transfer_id):
        raise _not_found()
    account = await _side(transfer_id, account_id, caller, parts, context)
    query = GetReceipt.model_construct(transfer_id=transfer_id, account_id=account)
    return json_response(await parts.queries.ask(query, context))


async def _side(transfer_id: UUID, named: UUID | None, caller: Caller, parts: Parts, context: RequestContext) -> UUID:
    """Return the account whose entry the caller may have: his own, or any that an operator names."""
    if caller.sees_all and named is None:
        raise invalid_request([_NAME_ONE])
    try:
        transfer = await parts.queries.ask(GetTransfer.model_construct(id=transfer_id), context)
    except ProblemError as problem:
        if problem.code == "unavailable":
            raise
        raise _not_found() from None
    ends = [UUID(transfer["debit_account"]), UUID(transfer["credit_account"])]
    known = {} if caller.sees_all else await parts.wallets.find(ends, context)
    own = [end for end in ends if caller.sees_all or (end in known and known[end].owner == caller.user)]
    account = next((end for end in own if named in {None, end}), None)
    if account is None:
        raise _not_found()
    return account


@router.get(
    "/v1/ledger/keys",
    response_model=None,
    summary="Read the keys that sign receipts",
    responses={
        DONE: success(SealKeys, "Public keys, as a JWK set (RFC 7517)", {"keys": [KEY_EXAMPLE]}),
        **problems(asks="wallet"),
    },
)
async def get_seal_keys(parts: PartsDep, context: ContextDep) -> Response:
    """Read the public keys that have signed the ledger's seals, oldest first; open to anybody. Pin them."""
    return json_response(await parts.queries.ask(GetSealKeys(), context))


def _not_found() -> ProblemError:
    return ProblemError("transfer_not_found", _UNKNOWN, parameter="transfer_id")
