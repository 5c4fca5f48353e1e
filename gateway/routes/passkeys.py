"""Passkeys (WebAuthn): registering them, and logging in with one gesture instead of a password and a code."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Request
from pydantic import UUID7, Field
from starlette.responses import Response

from contracts.documents import Document
from contracts.identity import (
    AccessToken,
    AddPasskey,
    ChallengePasskey,
    Line,
    ListPasskeys,
    LoginWithPasskey,
    Passkey,
    PasskeyChallenge,
    Passkeys,
    RemovePasskey,
    StartPasskey,
)
from gateway.accounts import is_ours
from gateway.bodies import Body, BodyRoute
from gateway.dependencies import ContextDep, PartsDep, ProfileCaller, ProofDep
from gateway.openapi import problems, success
from gateway.origins import origin_of
from gateway.outcomes import CREATED, DONE, json_response
from gateway.problems import ProblemError
from gateway.query_parameters import KNOWN_PARAMETERS_ONLY
from gateway.routes.sessions import EXAMPLE as TOKEN_EXAMPLE
from gateway.routes.totp import SCOPE
from gateway.routes.users import UNCERTAIN
from gateway.step_up import STEP_UP, Fresh

PREFIX = "/v1/users/me/passkeys"
router = APIRouter(route_class=BodyRoute, tags=["second factors"])

EXAMPLE: dict[str, Any] = {
    "id": "01990f3e-7b20-7c41-9d66-ac2f7e308b21",
    "name": "Ann's phone",
    "created_at": "2026-01-05T09:40:00.000000Z",
}
CHALLENGE_ID = "01990f3e-7a10-7b31-8c55-9b1e6d2f7a20"
_CHALLENGE = "h5xSyIRMx2IQPr1mQk6GD98XSQOBHgMHVpJIkMV9Nkc"
_TIMEOUT = {"challenge": _CHALLENGE, "timeout": 300000}
NEW_CHALLENGE_EXAMPLE: dict[str, Any] = {
    "challenge_id": CHALLENGE_ID,
    "options": _TIMEOUT
    | {
        "rp": {"name": "LedgerLink", "id": "ledgerlink.example"},
        "user": {
            "id": "AZkPPl0QelKxxC9djnycAQ",
            "name": "ann@ledgerlink.example",
            "displayName": "ann@ledgerlink.example",
        },
        "pubKeyCredParams": [{"type": "public-key", "alg": -8}, {"type": "public-key", "alg": -7}],
        "authenticatorSelection": {"residentKey": "required", "userVerification": "required"},
        "attestation": "none",
    },
}
CHALLENGE_EXAMPLE: dict[str, Any] = {
    "challenge_id": CHALLENGE_ID,
    "options": _TIMEOUT | {"rpId": "ledgerlink.example", "allowCredentials": [], "userVerification": "required"},
}
_IDENTIFIER = "lTqW8H0c3X1mQk6GD98XSQ"
NEW_CREDENTIAL_EXAMPLE: dict[str, Any] = {
    "id": _IDENTIFIER,
    "rawId": _IDENTIFIER,
    "type": "public-key",
    "response": {"clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIn0", "attestationObject": "o2NmbXRkbm9uZQ"},
}
CREDENTIAL_EXAMPLE: dict[str, Any] = {
    "id": _IDENTIFIER,
    "rawId": _IDENTIFIER,
    "type": "public-key",
    "response": {
        "clientDataJSON": "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0In0",
        "authenticatorData": "SZYN5YgOjGh0NBcPZHZgW4_krrmihjLHmVzzuoMdl2MFAAAAAQ",
        "signature": "MEUCIQDx",
        "userHandle": "AZkPPl0QelKxxC9djnycAQ",
    },
}
_TOO_MANY = {"too_many_passkeys": "An account has at most 20 passkeys; remove one first."}
_NOT_VALID = {"passkey_not_valid": "This is no new passkey's answer to the challenge; begin anew."}
_UNKNOWN = {"passkey_not_found": "You have no passkey with this id; GET /v1/users/me/passkeys lists yours."}
_WRONG = {"invalid_credentials": "This is no answer of a passkey that is known here; begin anew."}
_WRONG_CHALLENGE = ("body/challenge_id", "Field required")
_REMOVED = 204

ChallengeId = Annotated[UUID7, Field(examples=[CHALLENGE_ID])]


class NewPasskey(Body):
    """What `navigator.credentials.create` answered, as `PublicKeyCredential.toJSON` writes it."""

    challenge_id: ChallengeId
    credential: Annotated[Document, Field(examples=[NEW_CREDENTIAL_EXAMPLE])]
    name: Annotated[Line, Field(examples=[EXAMPLE["name"]])]


class PasskeyAnswer(Body):
    """What `navigator.credentials.get` answered, as `PublicKeyCredential.toJSON` writes it."""

    challenge_id: ChallengeId
    credential: Annotated[Document, Field(examples=[CREDENTIAL_EXAMPLE])]


@router.post(
    PREFIX + "/challenge",
    response_model=None,
    status_code=CREATED,
    summary="Begin to register a passkey",
    responses={
        CREATED: success(PasskeyChallenge, "Give `options` to `navigator.credentials.create`", NEW_CHALLENGE_EXAMPLE),
        **problems(_TOO_MANY, asks="identity", scope=SCOPE),
    },
)
async def start_passkey(caller: ProfileCaller, parts: PartsDep, context: ContextDep) -> Response:
    """Make a challenge that one new passkey of yours answers within five minutes."""
    return json_response(await parts.queries.ask(StartPasskey.model_construct(user=caller.user), context), CREATED)


@router.post(
    PREFIX,
    response_model=None,
    status_code=CREATED,
    summary="Register a passkey",
    responses={
        CREATED: success(Passkey, "Registered", EXAMPLE),
        **problems(
            STEP_UP | _NOT_VALID | _TOO_MANY | UNCERTAIN, asks="identity", scope=SCOPE, wrong_body=_WRONG_CHALLENGE
        ),
    },
)
async def add_passkey(
    body: NewPasskey, caller: ProfileCaller, _fresh: Fresh, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Register a passkey by its answer to a challenge. It counts as two factors: the device, and what unlocks it."""
    query = AddPasskey.model_construct(user=caller.user, **dict(body), origin=origin_of(request))
    return json_response(await parts.queries.ask_to_change(query, context), CREATED)


@router.get(
    PREFIX,
    response_model=None,
    dependencies=[KNOWN_PARAMETERS_ONLY],
    summary="List your passkeys",
    responses={
        DONE: success(Passkeys, "All of them, newest first", {"passkeys": [EXAMPLE]}),
        **problems(asks="identity", scope=SCOPE),
    },
)
async def list_passkeys(caller: ProfileCaller, parts: PartsDep, context: ContextDep) -> Response:
    """List your passkeys, and when each was used last."""
    return json_response(await parts.queries.ask(ListPasskeys.model_construct(user=caller.user), context))


@router.delete(
    PREFIX + "/{passkey_id}",
    response_model=None,
    status_code=_REMOVED,
    summary="Remove a passkey",
    responses={
        _REMOVED: {"description": "Removed"},
        **problems(STEP_UP | _UNKNOWN | UNCERTAIN, asks="identity", scope=SCOPE),
    },
)
async def remove_passkey(
    passkey_id: UUID, caller: ProfileCaller, _fresh: Fresh, parts: PartsDep, context: ContextDep, request: Request
) -> Response:
    """Forget a passkey of yours; nobody logs in with it any more."""
    if not is_ours(passkey_id):
        raise ProblemError("passkey_not_found", _UNKNOWN["passkey_not_found"], parameter="passkey_id")
    query = RemovePasskey.model_construct(user=caller.user, passkey=passkey_id, origin=origin_of(request))
    await parts.queries.ask_to_change(query, context)
    return Response(status_code=_REMOVED)


@router.post(
    "/v1/passkey_challenges",
    response_model=None,
    status_code=CREATED,
    summary="Begin to log in or step up with a passkey",
    responses={
        CREATED: success(PasskeyChallenge, "Give `options` to `navigator.credentials.get`", CHALLENGE_EXAMPLE),
        **problems(asks="identity"),
    },
)
async def challenge_passkey(parts: PartsDep, context: ContextDep) -> Response:
    """Make a challenge that a passkey answers once, within five minutes. It names nobody: the browser finds a key."""
    return json_response(await parts.queries.ask(ChallengePasskey(), context), CREATED)


@router.post(
    "/v1/sessions/passkey",
    response_model=None,
    status_code=CREATED,
    summary="Log in with a passkey",
    responses={
        CREATED: success(AccessToken, "An access token, as `POST /v1/sessions` gives", TOKEN_EXAMPLE),
        **problems(_WRONG | UNCERTAIN, asks="identity", wrong_body=_WRONG_CHALLENGE),
    },
)
async def log_in_with_passkey(
    body: PasskeyAnswer, parts: PartsDep, context: ContextDep, proof: ProofDep, request: Request
) -> Response:
    """Log in with a passkey's answer to a challenge; no address, password or code is asked for."""
    query = LoginWithPasskey.model_construct(**dict(body), jkt=proof, origin=origin_of(request))
    return json_response(await parts.queries.ask_to_change(query, context), CREATED)
