"""What becomes of an account: its address proven, its password changed, its role, its end."""

import asyncio
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import orjson
import pyotp
import pytest
from pydantic import SecretStr

from apps.identity.handlers.administration import change_role, deactivate_user, reactivate_user
from apps.identity.handlers.erasing import erase_user
from apps.identity.handlers.login import login
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.passkeys import add_passkey, start_passkey
from apps.identity.handlers.passwords import change_password, request_password_reset, reset_password
from apps.identity.handlers.refresh import refresh
from apps.identity.handlers.register import ensure_account, register
from apps.identity.handlers.totp import confirm_totp, start_totp
from apps.identity.handlers.verification import send_verification, verify_email
from apps.identity.queries.security_events import list_security_events
from apps.identity.queries.users import get_user, list_users
from apps.identity.store import accounts, one_time_tokens
from apps.identity.tests.asking import PASSWORD, asking, register_request
from apps.identity.tests.clocked import ClockedTransactions
from apps.identity.tests.mailbox import Mailbox, token_in
from apps.identity.tests.oauth_requests import new_client
from apps.identity.tests.tables import rows_of
from contracts.identity import (
    AccessToken,
    AddPasskey,
    ChangePassword,
    ChangeRole,
    ConfirmTotp,
    DeactivateUser,
    EraseUser,
    GetUser,
    ListSecurityEvents,
    ListUsers,
    Login,
    Origin,
    ReactivateUser,
    Refresh,
    RequestPasswordReset,
    ResetPassword,
    Role,
    SendVerification,
    StartPasskey,
    StartTotp,
    User,
    UserStatus,
    VerifyEmail,
)
from contracts.ids import new_id
from contracts.message import Message
from outbox.database import Database
from outbox.responder import Refused
from tests.software_authenticator import SoftwareAuthenticator
from tests.waiting import eventually

ANN = "ann@ledgerlink.example"
NEW = "a tidy heron crosses seventeen bridges"
HERE = Origin(address="192.0.2.1", user_agent="tests/1")
_WAITING = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
ADMIN = UUID("01990f3e-5d10-7a52-b1c4-2f5d8e7c9a99")


@pytest.fixture
def transactions(database: Database) -> ClockedTransactions:
    return ClockedTransactions(database)


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
async def ann(parts: Parts, database: Database) -> User:
    return await register(parts, database, register_request())


async def _log_in(parts: Parts, password: str = PASSWORD, address: str = "192.0.2.1") -> AccessToken:
    origin = Origin(address=address, user_agent="tests/1")
    return await login(parts, None, asking(Login(email=ANN, password=SecretStr(password), origin=origin)))


async def _can_refresh(parts: Parts, database: Database, token: AccessToken) -> bool:
    asked = Refresh(refresh_token=SecretStr(token.refresh_token or ""), origin=HERE)
    (answer,) = await refresh(parts, database, [asking(asked)])
    return not isinstance(answer, Refused)


async def _refused(handler: Any, parts: Parts, database: Database, message: Message) -> str:
    with pytest.raises(Refused) as refused:
        await handler(parts, database, asking(message))
    return refused.value.problem.code


async def _said(database: Database, subject: str) -> list[dict[str, Any]]:
    rows = await database.pool.fetch(
        "SELECT envelope FROM outbox WHERE subject = $1 ORDER BY position", f"identity.events.{subject}"
    )
    return [orjson.loads(row["envelope"])["data"] for row in rows]


async def _kinds(parts: Parts, database: Database, user: UUID) -> list[str]:
    page = await list_security_events(parts.sealer, database, asking(ListSecurityEvents(user=user, limit=100)))
    return [event.kind.value for event in reversed(page.events)]


async def test_an_address_is_proven_by_what_was_sent_there(
    parts: Parts, database: Database, ann: User, mailbox: Mailbox
) -> None:
    (mail,) = await mailbox.empty(parts)
    assert (mail.to, ann.email_verified) == (ANN, False)
    assert "https://ledgerlink.example/account/verification?token=" in mail.text
    token = SecretStr(token_in(mail))
    user = await verify_email(parts, database, asking(VerifyEmail(token=token)))
    assert user.email_verified
    assert await _refused(verify_email, parts, database, VerifyEmail(token=token)) == "token_not_valid"
    assert await _refused(send_verification, parts, database, SendVerification(user=ann.id)) == "email_verified_already"
    assert [event["user_id"] for event in await _said(database, "user.email_verified")] == [str(ann.id)]


async def test_another_token_is_sent_once_a_minute(
    parts: Parts, database: Database, ann: User, mailbox: Mailbox, transactions: ClockedTransactions
) -> None:
    for _ in range(3):
        await send_verification(parts, database, asking(SendVerification(user=ann.id)))
    assert len(await mailbox.empty(parts)) == 1
    transactions.pass_time(61)
    await send_verification(parts, database, asking(SendVerification(user=ann.id)))
    assert len(await mailbox.empty(parts)) == 1


@pytest.mark.usefixtures("ann")
async def test_a_token_holds_for_its_time_and_purpose_only(
    parts: Parts, database: Database, mailbox: Mailbox, transactions: ClockedTransactions
) -> None:
    (mail,) = await mailbox.empty(parts)
    verifying = SecretStr(token_in(mail))
    reset = ResetPassword(token=verifying, password=SecretStr(NEW), origin=HERE)
    assert await _refused(reset_password, parts, database, reset) == "token_not_valid"
    transactions.pass_time(timedelta(hours=24).total_seconds() + 1)
    assert await _refused(verify_email, parts, database, VerifyEmail(token=verifying)) == "token_not_valid"


async def test_a_reset_sets_the_password_ends_all_sessions_and_proves_the_address(
    parts: Parts, database: Database, ann: User, mailbox: Mailbox
) -> None:
    session = await _log_in(parts)
    for _ in range(6):
        with pytest.raises(Refused):
            await _log_in(parts, "forgotten")
    await mailbox.empty(parts)
    await request_password_reset(
        parts, database, asking(RequestPasswordReset(email="ANN@ledgerlink.example", origin=HERE))
    )
    (mail,) = await mailbox.empty(parts)
    asked = ResetPassword(token=SecretStr(token_in(mail)), password=SecretStr(NEW), origin=HERE)
    weak = asked.model_copy(update={"password": SecretStr("password1234")})
    assert await _refused(reset_password, parts, database, weak) == "password_too_weak"
    await reset_password(parts, database, asking(asked))
    assert await _refused(reset_password, parts, database, asked) == "token_not_valid"
    assert (await _log_in(parts, NEW)).refresh_token, "and the mistakes before do not keep the owner waiting"
    assert not await _can_refresh(parts, database, session)
    assert (await get_user(database, asking(GetUser(user=ann.id)))).email_verified
    (told,) = await mailbox.empty(parts)
    assert told.subject == "Your password was changed"
    kinds = await _kinds(parts, database, ann.id)
    assert {"password_reset_requested", "password_reset", "session_ended"} <= set(kinds)


async def test_who_proves_an_address_first_gets_its_account_without_the_factors_that_others_have_added(
    parts: Parts, database: Database, ann: User, mailbox: Mailbox
) -> None:
    """Somebody else may have registered it: their factors would lock its owner out, or let them in again."""
    squatter = await _log_in(parts)
    await _enable_totp(parts, database, ann.id)
    await _add_passkey(parts, database, ann.id)
    await _reset(parts, database, mailbox)
    assert (await _log_in(parts, NEW)).refresh_token, "and no second factor is asked for"
    assert not await _can_refresh(parts, database, squatter)
    assert (await get_user(database, asking(GetUser(user=ann.id)))).second_factors == []
    assert {"totp_removed", "passkey_removed"} <= set(await _kinds(parts, database, ann.id))


async def test_a_reset_leaves_the_factors_of_who_has_proven_their_address(
    parts: Parts, database: Database, ann: User, mailbox: Mailbox
) -> None:
    (mail,) = await mailbox.empty(parts)
    await verify_email(parts, database, asking(VerifyEmail(token=SecretStr(token_in(mail)))))
    await _enable_totp(parts, database, ann.id)
    await _reset(parts, database, mailbox)
    with pytest.raises(Refused, match="second_factor_required"):
        await _log_in(parts, NEW)


async def test_a_reset_leaves_the_factors_of_whom_an_admin_has_given_a_role(
    parts: Parts, database: Database, ann: User, mailbox: Mailbox
) -> None:
    change = ChangeRole(user=ann.id, role=Role.ADMIN, changed_by=ADMIN, origin=HERE)
    await change_role(parts, database, asking(change))
    await _enable_totp(parts, database, ann.id)
    await _reset(parts, database, mailbox)
    with pytest.raises(Refused, match="second_factor_required"):
        await _log_in(parts, NEW)


async def _enable_totp(parts: Parts, database: Database, user: UUID) -> None:
    made = await start_totp(parts, database, asking(StartTotp(user=user)))
    code = pyotp.TOTP(made.secret).now()
    await confirm_totp(parts, database, asking(ConfirmTotp(user=user, code=code, origin=HERE)))


async def _add_passkey(parts: Parts, database: Database, user: UUID) -> None:
    begun = await start_passkey(parts, database, asking(StartPasskey(user=user)))
    device = SoftwareAuthenticator(origin="https://ledgerlink.example", rp_id="ledgerlink.example")
    credential = device.create(begun.options)
    added = AddPasskey(user=user, challenge_id=begun.challenge_id, credential=credential, name="Phone", origin=HERE)
    await add_passkey(parts, database, asking(added))


async def _reset(parts: Parts, database: Database, mailbox: Mailbox) -> None:
    await mailbox.empty(parts)
    await request_password_reset(parts, database, asking(RequestPasswordReset(email=ANN, origin=HERE)))
    (mail,) = await mailbox.empty(parts)
    asked = ResetPassword(token=SecretStr(token_in(mail)), password=SecretStr(NEW), origin=HERE)
    await reset_password(parts, database, asking(asked))


@pytest.mark.usefixtures("ann")
async def test_whoever_asks_for_a_reset_learns_nothing(parts: Parts, database: Database, mailbox: Mailbox) -> None:
    await mailbox.empty(parts)
    before = await database.pool.fetchval("SELECT count(*) FROM outbox")
    for email in (ANN, "nobody@ledgerlink.example"):
        await request_password_reset(parts, database, asking(RequestPasswordReset(email=email, origin=HERE)))
    rows = await database.pool.fetch(
        "SELECT user_id, length(sealed) AS length FROM outgoing_message WHERE sent_at IS NULL"
    )
    assert [row["user_id"] for row in rows] == [None, None]
    assert await database.pool.fetchval("SELECT count(*) FROM outbox") == before
    (mail,) = await mailbox.empty(parts)
    assert mail.to == ANN
    assert await database.pool.fetchval("SELECT count(*) FROM outgoing_message WHERE user_id IS NULL") == 0
    assert [event["purpose"] for event in await _said(database, "message.queued")] == ["verify_email", "reset_password"]


@pytest.mark.usefixtures("ann")
async def test_nobodys_mailbox_is_filled_with_resets(
    parts: Parts, database: Database, mailbox: Mailbox, transactions: ClockedTransactions
) -> None:
    await mailbox.empty(parts)

    async def ask(times: int) -> None:
        for _ in range(times):
            await request_password_reset(parts, database, asking(RequestPasswordReset(email=ANN, origin=HERE)))

    await ask(20)
    assert len(await mailbox.empty(parts)) == 1
    await ask(3)
    assert len(await mailbox.empty(parts)) == 0
    transactions.pass_time(61)
    await ask(1)
    assert len(await mailbox.empty(parts)) == 1


async def test_changing_a_password_ends_all_other_sessions(
    parts: Parts, database: Database, ann: User, mailbox: Mailbox
) -> None:
    mine, other = await _log_in(parts), await _log_in(parts)
    asked = ChangePassword(
        user=ann.id, session=mine.session_id, current=SecretStr(PASSWORD), new=SecretStr(NEW), origin=HERE
    )
    wrong = asked.model_copy(update={"current": SecretStr("wrong")})
    assert await _refused(change_password, parts, database, wrong) == "invalid_credentials"
    weak = asked.model_copy(update={"new": SecretStr("qwertyuiop12")})
    assert await _refused(change_password, parts, database, weak) == "password_too_weak"
    assert (await _log_in(parts)).refresh_token, "nothing has changed yet"
    await change_password(parts, database, asking(asked))
    assert await _can_refresh(parts, database, mine)
    assert not await _can_refresh(parts, database, other)
    with pytest.raises(Refused, match="invalid_credentials"):
        await _log_in(parts)
    assert (await _log_in(parts, NEW)).refresh_token
    assert "Your password was changed" in [mail.subject for mail in await mailbox.empty(parts)]


async def test_guesses_at_the_present_password_are_slowed_down_too(parts: Parts, database: Database, ann: User) -> None:
    asked = ChangePassword(user=ann.id, current=SecretStr("wrong"), new=SecretStr(NEW), origin=HERE)
    codes = [await _refused(change_password, parts, database, asked) for _ in range(8)]
    assert codes == ["invalid_credentials"] * 6 + ["too_many_attempts"] * 2


async def test_another_role_ends_the_tokens_of_the_old_one(parts: Parts, database: Database, ann: User) -> None:
    session = await _log_in(parts)
    asked = ChangeRole(user=ann.id, role=Role.MERCHANT, changed_by=ADMIN, origin=HERE)
    changed = await change_role(parts, database, asking(asked))
    assert changed.role is Role.MERCHANT
    assert not await _can_refresh(parts, database, session)
    (role_changed,) = await _said(database, "user.role_changed")
    assert (role_changed["role"], role_changed["changed_by"]) == ("merchant", str(ADMIN))
    assert [event["version"] for event in await _said(database, "access.revoked") if "version" in event] == [2]
    await change_role(parts, database, asking(asked))
    assert len(await _said(database, "user.role_changed")) == 1, "the same role again is no change"
    assert (await _log_in(parts)).scope.split()[-1] == "merchant"


@pytest.mark.parametrize(("role", "ends"), [(Role.CUSTOMER, True), (Role.OPERATOR, True), (Role.MERCHANT, False)])
async def test_who_is_no_merchant_any_more_has_no_clients(
    parts: Parts, database: Database, ann: User, role: Role, ends: bool
) -> None:
    """Their clients get nothing more, and so nothing that they have been given may hold."""
    merchant = ChangeRole(user=ann.id, role=Role.MERCHANT, changed_by=ADMIN, origin=HERE)
    await change_role(parts, database, asking(merchant))
    client = (await new_client(parts, database, ann.id)).client.id
    await change_role(parts, database, asking(merchant.model_copy(update={"role": role})))
    told = {grant for event in await _said(database, "access.revoked") for grant in event.get("grants", ())}
    kept = await database.pool.fetch("SELECT grant_id FROM revocation WHERE grant_id IS NOT NULL")
    assert (str(client) in told) is ends
    assert (client in {row["grant_id"] for row in kept}) is ends


async def test_nobody_changes_their_own_role_or_deactivates_themselves(
    parts: Parts, database: Database, ann: User
) -> None:
    own = ChangeRole(user=ann.id, role=Role.ADMIN, changed_by=ann.id, origin=HERE)
    assert await _refused(change_role, parts, database, own) == "own_account"
    deactivate = DeactivateUser(user=ann.id, deactivated_by=ann.id, origin=HERE)
    assert await _refused(deactivate_user, parts, database, deactivate) == "own_account"


async def test_a_deactivated_user_is_out_until_reactivated(parts: Parts, database: Database, ann: User) -> None:
    session = await _log_in(parts)
    asked = DeactivateUser(user=ann.id, deactivated_by=ADMIN, origin=HERE)
    for _ in range(2):
        user = await deactivate_user(parts, database, asking(asked))
        assert user.status is UserStatus.DEACTIVATED
    assert not await _can_refresh(parts, database, session)
    with pytest.raises(Refused, match="invalid_credentials"):
        await _log_in(parts)
    back = ReactivateUser(user=ann.id, reactivated_by=ADMIN, origin=HERE)
    assert (await reactivate_user(parts, database, asking(back))).status is UserStatus.ACTIVE
    assert (await _log_in(parts)).refresh_token
    statuses = [event["status"] for event in await _said(database, "user.status_changed")]
    assert statuses == ["deactivated", "active"]


@pytest.mark.parametrize("handler", [change_role, deactivate_user, reactivate_user, erase_user])
async def test_of_a_user_who_is_not_there_nothing_is_changed(parts: Parts, database: Database, handler: Any) -> None:
    nobody, actor = new_id(), {"origin": HERE}
    message: Message = {
        change_role: ChangeRole(user=nobody, role=Role.MERCHANT, changed_by=ADMIN, **actor),
        deactivate_user: DeactivateUser(user=nobody, deactivated_by=ADMIN, **actor),
        reactivate_user: ReactivateUser(user=nobody, reactivated_by=ADMIN, **actor),
        erase_user: EraseUser(user=nobody, erased_by=ADMIN, **actor),
    }[handler]
    assert await _refused(handler, parts, database, message) == "user_not_found"


async def test_of_an_erased_user_nothing_personal_is_left(
    parts: Parts, database: Database, ann: User, mailbox: Mailbox
) -> None:
    session = await _log_in(parts)
    (mail,) = await mailbox.empty(parts)
    await verify_email(parts, database, asking(VerifyEmail(token=SecretStr(token_in(mail)))))
    await request_password_reset(parts, database, asking(RequestPasswordReset(email=ANN, origin=HERE)))
    await mailbox.empty(parts)
    await request_password_reset(parts, database, asking(RequestPasswordReset(email=ANN, origin=HERE)))
    before = await database.pool.fetch("SELECT sealed_origin FROM security_event WHERE sealed_origin IS NOT NULL")
    assert before
    for _ in range(2):
        erased = await erase_user(parts, database, asking(EraseUser(user=ann.id, erased_by=ann.id, origin=HERE)))
        assert (erased.id, erased.status, erased.email) == (ann.id, UserStatus.ERASED, None)
    assert not await _can_refresh(parts, database, session)
    row = await database.pool.fetchrow("SELECT * FROM user_account WHERE id = $1", ann.id)
    assert row is not None
    assert [row[name] for name in ("email", "password_hash", "personal_key", "email_verified_at")] == [None] * 4
    for table in ("one_time_token", "totp", "passkey", "recovery_code"):
        assert await rows_of(database, table) == []
    assert await mailbox.empty(parts) == [], "what waits for an address that nobody has is dropped"
    assert await database.pool.fetchval("SELECT count(*) FROM outgoing_message") == 0
    page = await list_security_events(parts.sealer, database, asking(ListSecurityEvents(user=ann.id)))
    assert page.events[0].kind == "erased"
    assert all(event.address is None and event.user_agent is None for event in page.events)
    assert [event["status"] for event in await _said(database, "user.status_changed")] == ["erased"]


async def test_proving_an_address_waits_for_who_changes_the_account(
    parts: Parts, database: Database, ann: User, mailbox: Mailbox
) -> None:
    (mail,) = await mailbox.empty(parts)
    proof = asking(VerifyEmail(token=SecretStr(token_in(mail))), seconds_left=600)
    async with parts.transactions.begin() as tx:
        await accounts.locked(tx, ann.id)
        proving = asyncio.create_task(verify_email(parts, database, proof))
        await eventually("it waits for the account", partial(database.pool.fetchval, _WAITING), deadline=60)
        await one_time_tokens.remove_of_user(tx, ann.id)
    with pytest.raises(Refused, match="token_not_valid"):
        await proving


async def test_an_erased_address_can_register_again_as_somebody_else(
    parts: Parts, database: Database, ann: User
) -> None:
    await erase_user(parts, database, asking(EraseUser(user=ann.id, erased_by=ann.id, origin=HERE)))
    again = await register(parts, database, register_request())
    assert again.id != ann.id
    erased = ReactivateUser(user=ann.id, reactivated_by=ADMIN, origin=HERE)
    assert await _refused(reactivate_user, parts, database, erased) == "user_erased"


async def test_users_are_listed_page_by_page(parts: Parts, database: Database) -> None:
    for number in range(5):
        await register(parts, database, register_request(f"user{number}@ledgerlink.example"))
    await ensure_account(parts, "root@ledgerlink.example", PASSWORD, Role.OPERATOR)
    first = await list_users(database, asking(ListUsers(limit=4)))
    rest = await list_users(database, asking(ListUsers(limit=4, before=first.next_before)))
    emails = [user.email for user in (*first.users, *rest.users)]
    assert emails == ["root@ledgerlink.example", *(f"user{n}@ledgerlink.example" for n in range(4, -1, -1))]
    assert rest.next_before is None
    (found,) = (await list_users(database, asking(ListUsers(email="USER3@ledgerlink.example")))).users
    assert found.email == "user3@ledgerlink.example"
    assert (await list_users(database, asking(ListUsers(email="nobody@ledgerlink.example")))).users == []
    (operator,) = (await list_users(database, asking(ListUsers(role=Role.OPERATOR)))).users
    assert operator.role is Role.OPERATOR
