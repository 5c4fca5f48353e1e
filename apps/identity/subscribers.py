"""Which subject goes to which handler. Identity reads no stream: secrets come as requests, which nothing stores."""

from functools import partial

from apps.identity.handlers.administration import change_role, deactivate_user, reactivate_user
from apps.identity.handlers.api_keys import create_api_key, revoke_api_key, rotate_api_key
from apps.identity.handlers.authorizing import answer_consent, check_authorization, sign_in
from apps.identity.handlers.client_keeping import create_client, delete_client, rotate_client_secret
from apps.identity.handlers.ending import end_other_sessions, end_session, forget_ended
from apps.identity.handlers.erasing import erase_user
from apps.identity.handlers.guessing import forget_old_guesses
from apps.identity.handlers.login import login
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.passkey_login import login_with_passkey
from apps.identity.handlers.passkeys import add_passkey, challenge_passkey, remove_passkey, start_passkey
from apps.identity.handlers.passwords import change_password, request_password_reset, reset_password
from apps.identity.handlers.presented_tokens import introspect, revoke_token
from apps.identity.handlers.refresh import refresh
from apps.identity.handlers.register import register
from apps.identity.handlers.signing_keys import get_signing_keys, keep_keys, list_signing_keys, rotate_signing_key
from apps.identity.handlers.step_up import step_up
from apps.identity.handlers.token_grants import issue_client_token, redeem_code
from apps.identity.handlers.totp import confirm_totp, remove_totp, renew_recovery_codes, start_totp
from apps.identity.handlers.verification import send_verification, verify_email
from apps.identity.queries.api_keys import check_api_key, list_api_keys
from apps.identity.queries.clients import list_clients
from apps.identity.queries.passkeys import list_passkeys
from apps.identity.queries.screening_subjects import get_screening_subjects
from apps.identity.queries.security_events import list_security_events
from apps.identity.queries.sessions import get_revocations, list_sessions
from apps.identity.queries.users import get_user, list_users
from apps.identity.store import authorization_grants, passkeys
from contracts.identity import (
    AddPasskey,
    AnswerConsent,
    ChallengePasskey,
    ChangePassword,
    ChangeRole,
    CheckApiKey,
    CheckAuthorization,
    ConfirmTotp,
    CreateApiKey,
    CreateClient,
    DeactivateUser,
    DeleteClient,
    EndSession,
    EndSessions,
    EraseUser,
    GetRevocations,
    GetScreeningSubjects,
    GetSigningKeys,
    GetUser,
    Introspect,
    IssueClientToken,
    ListApiKeys,
    ListClients,
    ListPasskeys,
    ListSecurityEvents,
    ListSessions,
    ListSigningKeys,
    ListUsers,
    Login,
    LoginWithPasskey,
    ReactivateUser,
    RedeemCode,
    Refresh,
    Register,
    RemovePasskey,
    RemoveTotp,
    RenewRecoveryCodes,
    RequestPasswordReset,
    ResetPassword,
    RevokeApiKey,
    RevokeToken,
    RotateApiKey,
    RotateClientSecret,
    RotateSigningKey,
    SendVerification,
    SignIn,
    StartPasskey,
    StartTotp,
    StepUp,
    VerifyEmail,
)
from outbox.batching import Batching
from outbox.service import Service

FORGET_SECONDS = 60.0
REFRESHED_AT_ONCE = 64
REFRESHES_WAITING = 1000
KEYS_SECONDS = 1.0
"""A replica knows so soon of a key that another has made; it does not sign before (IDENTITY_KEY_AHEAD_SECONDS)."""


def subscribe(service: Service, parts: Parts) -> None:
    """Bind the requests that identity answers."""
    _subscribe_accounts(service, parts)
    _subscribe_sessions(service, parts)
    _subscribe_signing_keys(service, parts)
    _subscribe_factors(service, parts)
    _subscribe_api_keys(service, parts)
    _subscribe_clients(service, parts)
    _subscribe_authorization(service, parts)


def _subscribe_accounts(service: Service, parts: Parts) -> None:
    service.answer(Register, partial(register, parts))
    service.answer(GetUser, get_user)
    service.answer(ListUsers, list_users)
    service.answer(GetScreeningSubjects, partial(get_screening_subjects, parts.sealer))
    service.answer(SendVerification, partial(send_verification, parts))
    service.answer(VerifyEmail, partial(verify_email, parts))
    service.answer(RequestPasswordReset, partial(request_password_reset, parts))
    service.answer(ResetPassword, partial(reset_password, parts))
    service.answer(ChangePassword, partial(change_password, parts))
    service.answer(ChangeRole, partial(change_role, parts))
    service.answer(DeactivateUser, partial(deactivate_user, parts))
    service.answer(ReactivateUser, partial(reactivate_user, parts))
    service.answer(EraseUser, partial(erase_user, parts))
    service.answer(ListSecurityEvents, partial(list_security_events, parts.sealer))
    service.every(FORGET_SECONDS, forget_old_guesses)


def _subscribe_sessions(service: Service, parts: Parts) -> None:
    # More at once than passwords may wait, so that who comes beyond that is told so at once.
    service.answer(Login, partial(login, parts), 2 * parts.passwords.most_in_hand)
    service.answer(
        Refresh, Batching(partial(refresh, parts), REFRESHED_AT_ONCE, REFRESHES_WAITING), REFRESHES_WAITING * 2
    )
    service.answer(ListSessions, partial(list_sessions, parts.sealer, parts.lifetimes.idle))
    service.answer(EndSession, partial(end_session, parts))
    service.answer(EndSessions, partial(end_other_sessions, parts))
    service.answer(GetRevocations, partial(get_revocations, parts.issuer.lifetime))
    service.every(FORGET_SECONDS, partial(forget_ended, parts))


def _subscribe_signing_keys(service: Service, parts: Parts) -> None:
    service.answer(GetSigningKeys, partial(get_signing_keys, parts))
    service.answer(ListSigningKeys, partial(list_signing_keys, parts))
    service.answer(RotateSigningKey, partial(rotate_signing_key, parts))
    service.every(KEYS_SECONDS, partial(keep_keys, parts))


def _subscribe_factors(service: Service, parts: Parts) -> None:
    service.answer(StartTotp, partial(start_totp, parts))
    service.answer(ConfirmTotp, partial(confirm_totp, parts))
    service.answer(RemoveTotp, partial(remove_totp, parts))
    service.answer(RenewRecoveryCodes, partial(renew_recovery_codes, parts))
    service.answer(StartPasskey, partial(start_passkey, parts))
    service.answer(AddPasskey, partial(add_passkey, parts))
    service.answer(ListPasskeys, list_passkeys)
    service.answer(RemovePasskey, partial(remove_passkey, parts))
    service.answer(ChallengePasskey, partial(challenge_passkey, parts))
    service.answer(LoginWithPasskey, partial(login_with_passkey, parts))
    service.answer(StepUp, partial(step_up, parts))
    service.every(FORGET_SECONDS, passkeys.forget_answered)


def _subscribe_api_keys(service: Service, parts: Parts) -> None:
    service.answer(CreateApiKey, partial(create_api_key, parts))
    service.answer(ListApiKeys, list_api_keys)
    service.answer(RotateApiKey, partial(rotate_api_key, parts))
    service.answer(RevokeApiKey, partial(revoke_api_key, parts))
    service.answer(CheckApiKey, check_api_key)


def _subscribe_clients(service: Service, parts: Parts) -> None:
    service.answer(CreateClient, partial(create_client, parts))
    service.answer(ListClients, list_clients)
    service.answer(RotateClientSecret, partial(rotate_client_secret, parts))
    service.answer(DeleteClient, partial(delete_client, parts))


def _subscribe_authorization(service: Service, parts: Parts) -> None:
    service.answer(CheckAuthorization, check_authorization)
    service.answer(SignIn, partial(sign_in, parts))
    service.answer(AnswerConsent, partial(answer_consent, parts))
    service.answer(RedeemCode, partial(redeem_code, parts))
    service.answer(IssueClientToken, partial(issue_client_token, parts))
    service.answer(RevokeToken, partial(revoke_token, parts))
    service.answer(Introspect, partial(introspect, parts))
    service.every(FORGET_SECONDS, authorization_grants.forget)
