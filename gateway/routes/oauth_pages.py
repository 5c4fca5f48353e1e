"""GET /oauth/authorize, and the forms behind it: people sign in and say what an app may do (RFC 6749 §4.1).

No session is kept in the browser (docs/adr/0018): each step carries what it needs, and all of it is checked again.
"""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from pydantic import SecretStr, ValidationError
from starlette.responses import Response

from contracts.identity import (
    AnswerConsent,
    AuthorizationAnswer,
    AuthorizationPrompt,
    AuthorizationRequest,
    CheckAuthorization,
    SignedIn,
    SignIn,
)
from gateway.dependencies import ContextDep, PartsDep
from gateway.oauth.errors import OAuthError
from gateway.oauth.forms import parameters, read_form, required, visible
from gateway.oauth.page_routes import PageRoute, SentBack
from gateway.oauth.pages import AUTHORIZE, CONSENT, SIGN_IN, Typed, consent_page, sign_in_page
from gateway.oauth.redirects import sent_back
from gateway.origins import origin_of
from gateway.parts import Parts
from gateway.problems import ProblemError
from gateway.request_context import RequestContext

router = APIRouter(route_class=PageRoute, include_in_schema=False)

DEVICE_COOKIE = "ledgerlink_device"
_DEVICE_SECONDS = 180 * 24 * 3600
_ONE_TIME_CODE = re.compile(r"[0-9]{6}")
_FORBIDDEN = 403
_NOT_COMPLETE = "The form came back incomplete."
_WRONG_EMAIL = "Enter an e-mail address in the form name@example.com."
_WRONG_CREDENTIALS = "The e-mail address or the password is wrong."
_WRONG_CODE = "The code is wrong, or was used already. Enter your password and another code."
_NEEDS_CODE = "Your account asks for a second factor. Enter your password again, and a code."
_TOO_MANY = "There were too many attempts. Wait a little, then try again."
_OVERLOADED = "Too many people sign in at this moment. Try again in a few seconds."
_CODE_PARAMETERS = frozenset({"otp", "recovery_code"})


@router.get(AUTHORIZE, response_model=None)
async def authorize(request: Request, parts: PartsDep, context: ContextDep) -> Response:
    """Show the page to sign in, if the request is in order."""
    asked = _asked(parameters(request.url.query))
    return sign_in_page(asked, await _prompt(asked, parts, context), Typed())


@router.post(SIGN_IN, response_model=None)
async def sign_in(request: Request, parts: PartsDep, context: ContextDep) -> Response:
    """Sign somebody in, and ask what the app may do."""
    form = await _own_form(request)
    asked = _asked(form)
    prompt = await _prompt(asked, parts, context)
    typed = Typed(email=form.get("email", "")[:254], asks_code="code" in form)
    try:
        answer = await parts.queries.ask(_query(request, asked, form), context, parts.settings.login_seconds)
    except ValidationError as wrong:
        return sign_in_page(asked, prompt, _corrected(typed, _places(wrong)), 422)
    except ProblemError as problem:
        return _sign_in_again(asked, prompt, typed, problem)
    return consent_page(asked, SignedIn.model_validate(answer))


@router.post(CONSENT, response_model=None)
async def consent(request: Request, parts: PartsDep, context: ContextDep) -> Response:
    """Send somebody back to the app with their answer."""
    form = await _own_form(request)
    decision = required(form, "decision")
    if decision not in {"allow", "deny"}:
        raise OAuthError("invalid_request", _NOT_COMPLETE)
    query = AnswerConsent(
        ticket=SecretStr(required(form, "ticket")[:512]),
        allow=decision == "allow",
        device_token=_device(request),
        origin=origin_of(request),
    )
    answer = AuthorizationAnswer.model_validate(await parts.queries.ask(query, context))
    told = {"code": answer.code, "error": answer.error}
    back = sent_back(answer.redirect_uri, told | {"state": answer.state or None, "iss": parts.settings.token_issuer})
    if answer.device_token is not None:
        back.set_cookie(
            DEVICE_COOKIE,
            answer.device_token,
            max_age=_DEVICE_SECONDS,
            path="/oauth",
            secure=parts.settings.public_url.startswith("https:"),
            httponly=True,
            samesite="lax",
        )
    return back


async def _own_form(request: Request) -> Mapping[str, str]:
    """Return a form of one of our own pages: browsers tell where it comes from (Fetch Metadata)."""
    if request.headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
        raise OAuthError("invalid_request", "The form does not come from our own page.", _FORBIDDEN)
    return await read_form(request)


def _asked(sent: Mapping[str, str]) -> AuthorizationRequest:
    """Return the authorization request. Raises OAuthError for parameters that no client may send."""
    known = {name: sent[name] for name in AuthorizationRequest.model_fields if name in sent}
    for name, value in known.items():
        if name != "login_hint":  # the only one that people's own letters may be in
            visible(name, value)
    try:
        return AuthorizationRequest(**known)
    except ValidationError:
        raise OAuthError("invalid_request", "A parameter is longer than it can be.") from None


async def _prompt(asked: AuthorizationRequest, parts: Parts, context: RequestContext) -> AuthorizationPrompt:
    """Return what to show. Raises SentBack for what the client is told, ProblemError for what nobody may be told."""
    answer = await parts.queries.ask(CheckAuthorization(request=asked), context)
    prompt = AuthorizationPrompt.model_validate(answer)
    if prompt.error is not None:
        raise SentBack(asked.redirect_uri, prompt.error, prompt.error_description, asked.state)
    return prompt


def _query(request: Request, asked: AuthorizationRequest, form: Mapping[str, str]) -> SignIn:
    """Return the question to identity. Raises ValidationError when what was typed cannot be right."""
    code = "".join(form.get("code", "").split())
    given: dict[str, Any] = {}
    if code:
        given = {"otp": code} if _ONE_TIME_CODE.fullmatch(code) else {"recovery_code": SecretStr(code)}
    return SignIn(
        request=asked,
        email=form.get("email", "").strip(),
        password=SecretStr(form.get("password", "")),
        device_token=_device(request),
        origin=origin_of(request),
        **given,
    )


def _device(request: Request) -> SecretStr | None:
    token = request.cookies.get(DEVICE_COOKIE, "")
    return SecretStr(token) if 0 < len(token) <= 512 else None  # noqa: PLR2004 - what a secret may have


def _places(wrong: ValidationError) -> set[str]:
    return {str(error["loc"][0]) for error in wrong.errors(include_input=False, include_url=False)}


def _corrected(typed: Typed, places: set[str]) -> Typed:
    error = _WRONG_EMAIL if "email" in places else _WRONG_CREDENTIALS
    return Typed(typed.email, [error], typed.asks_code)


def _sign_in_again(
    asked: AuthorizationRequest, prompt: AuthorizationPrompt, typed: Typed, problem: ProblemError
) -> Response:
    """Show the page again, with what is wrong. Raises SentBack, or the problem, where trying again is no use."""
    match problem.code:
        case "invalid_credentials" if problem.parameter in _CODE_PARAMETERS:
            again, status = Typed(typed.email, [_WRONG_CODE], asks_code=True), _FORBIDDEN
        case "invalid_credentials":
            again, status = Typed(typed.email, [_WRONG_CREDENTIALS], typed.asks_code), _FORBIDDEN
        case "second_factor_required":
            again, status = Typed(typed.email, [_NEEDS_CODE], asks_code=True), _FORBIDDEN
        case "too_many_attempts":
            again, status = Typed(typed.email, [_TOO_MANY], typed.asks_code), problem.kind.status
        case "overloaded":
            again, status = Typed(typed.email, [_OVERLOADED], typed.asks_code), problem.kind.status
        case "invalid_scope" | "unmet_authentication_requirements":
            raise SentBack(asked.redirect_uri, problem.code, str(problem.detail), asked.state)
        case _:
            raise problem
    page = sign_in_page(asked, prompt, again, status)
    if "Retry-After" in (problem.headers or {}):
        page.headers["Retry-After"] = (problem.headers or {})["Retry-After"]
    return page
