"""The pages that messages to users lead to: confirming an address, and setting another password; no script needed.

Opening a page changes nothing, since programs that look for danger in messages open every link; its form does.
"""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from pydantic import SecretStr
from starlette.responses import Response

from contracts.identity import ResetPassword, VerifyEmail
from gateway.dependencies import ContextDep, PartsDep
from gateway.oauth.forms import parameters, read_form, required
from gateway.oauth.page_routes import PageRoute
from gateway.oauth.pages import account_page
from gateway.origins import origin_of
from gateway.problems import ProblemError

router = APIRouter(route_class=PageRoute, include_in_schema=False)

VERIFICATION, PASSWORD = "/account/verification", "/account/password"
_DONE, _WRONG = 200, 422
_SHORTEST, _LONGEST, _MOST_TOKEN = 12, 128, 512
_LENGTH = "A password has 12 to 128 characters."
_NOT_VALID = "This link does not hold any more"
_ASK_AGAIN = "It was used already, or it is too old. Have another message sent, and use the link in that one."


@router.get(VERIFICATION, response_model=None)
async def show_verification(request: Request) -> Response:
    """Show the page on which an address is confirmed."""
    token = required(parameters(request.url.query), "token")
    return account_page("account_verification.html", {"token": token}, _DONE)


@router.post(VERIFICATION, response_model=None)
async def verify(request: Request, parts: PartsDep, context: ContextDep) -> Response:
    """Confirm an address."""
    token = required(await read_form(request), "token")[:_MOST_TOKEN]
    try:
        await parts.queries.ask_to_change(VerifyEmail(token=SecretStr(token)), context)
    except ProblemError as problem:
        return _not_valid(problem)
    return _page("Your e-mail address is confirmed", "You can close this page.")


@router.get(PASSWORD, response_model=None)
async def show_password(request: Request) -> Response:
    """Show the page on which another password is set."""
    return _password_page(required(parameters(request.url.query), "token"))


@router.post(PASSWORD, response_model=None)
async def set_password(request: Request, parts: PartsDep, context: ContextDep) -> Response:
    """Set another password."""
    form = await read_form(request)
    token, password = required(form, "token")[:_MOST_TOKEN], form.get("password", "")
    if not _SHORTEST <= len(password) <= _LONGEST:
        return _password_page(token, [_LENGTH])
    query = ResetPassword(token=SecretStr(token), password=SecretStr(password), origin=origin_of(request))
    try:
        await parts.queries.ask_to_change(query, context, parts.settings.login_seconds)
    except ProblemError as problem:
        if problem.code == "password_too_weak":
            return _password_page(token, [str(problem.detail)])
        return _not_valid(problem)
    return _page("Your password is set", "Log in with it.")


def _password_page(token: str, errors: Sequence[str] = ()) -> Response:
    return account_page("account_password.html", {"token": token, "errors": errors}, _WRONG if errors else _DONE)


def _not_valid(problem: ProblemError) -> Response:
    """Return the page for a token that cannot be used. Raises any other problem, for which there is a page too."""
    if problem.code != "token_not_valid":
        raise problem
    return _page(_NOT_VALID, _ASK_AGAIN, _WRONG)


def _page(heading: str, detail: str, status: int = _DONE) -> Response:
    return account_page("account_done.html", {"heading": heading, "detail": detail}, status)
