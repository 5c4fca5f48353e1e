"""OAuth clients: which can be registered, where they may send people, and who they prove to be."""

from uuid import UUID

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from apps.identity.domain.clients import (
    Client,
    ClientNotPossibleError,
    RedirectUriNotValidError,
    check_name,
    check_possible,
    check_redirect_uri,
)
from apps.identity.handlers import revoking
from apps.identity.handlers.client_keeping import delete_client, rotate_client_secret
from apps.identity.handlers.clients import authenticate_client
from apps.identity.handlers.parts import Parts
from apps.identity.handlers.register import register
from apps.identity.queries.clients import list_clients
from apps.identity.tests.asking import asking, register_request
from apps.identity.tests.oauth_requests import HERE, REDIRECT, code_for, named, new_client, redeemed
from contracts.identity import (
    MOST_CLIENTS,
    ClientAuthentication,
    DeleteClient,
    GrantType,
    ListClients,
    RotateClientSecret,
    Scope,
)
from outbox.database import Database
from outbox.responder import Refused

CODE, OWN, REFRESH = GrantType.AUTHORIZATION_CODE, GrantType.CLIENT_CREDENTIALS, GrantType.REFRESH_TOKEN

VALID = [
    "https://shop.example/callback",
    "https://shop.example",
    "https://xn--caf-dma.example/cb?tenant=1&next=%2Fhome",
    "https://shop.example:8443/cb",
    "https://192.0.2.1/cb",
    "http://127.0.0.1/cb",
    "http://127.0.0.1:51004/cb",
    "http://[::1]:51004/cb",
]
NOT_VALID = [
    "",
    "shop.example/cb",
    "//shop.example/cb",
    "http://shop.example/cb",
    "http://localhost/cb",
    "http://127.0.0.1.evil.example/cb",
    "http://127.1/cb",
    "http://127.0.0.1@evil.example/cb",
    "https://shop.example@evil.example/cb",
    "https://user:password@shop.example/cb",
    "https://shop.example/cb#fragment",
    "https://shop.example/cb#",
    "https://SHOP.example/cb",
    "https://shop.example:/cb",
    "https://shop.example:0443443/cb",
    "https://shop.example:port/cb",
    "https://shop_.example/cb",
    "https://*.shop.example/cb",
    "https://shop%2eexample/cb",
    "https://caf\u00e9.example/cb",
    "https://shop.example\\@evil.example/cb",
    "https://shop.example/c b",
    "https://shop.example/cb\r\nSet-Cookie: a=b",
    "https:///cb",
    "https://[::1/cb",
    "https://[fe80::1]/cb",
    "javascript:alert(1)",
    "data:text/html,x",
    "com.shop.app:/cb",
    "https://shop.example/" + "x" * 500,
]


@pytest.mark.parametrize("uri", VALID)
def test_codes_may_be_sent_there(uri: str) -> None:
    check_redirect_uri(uri)


@pytest.mark.parametrize("uri", NOT_VALID)
def test_codes_may_not_be_sent_there(uri: str) -> None:
    with pytest.raises(RedirectUriNotValidError):
        check_redirect_uri(uri)


def _client(*uris: str, public: bool = False) -> Client:
    secret_hash = None if public else b"x" * 32
    return Client("shop", "Shop", (CODE,), (Scope.WALLETS,), redirect_uris=uris, secret_hash=secret_hash)


@given(st.text())
@example("https://shop.example/callback/")
@example("https://shop.example/callback?x=1")
@example("https://shop.example/callback/../callback")
@example("https://shop.example/Callback")
@example("https://shop.example:443/callback")
@example("HTTPS://shop.example/callback")
@example("https://shop.example/callback#")
@example("https://shop.example.evil.example/callback")
def test_a_redirect_uri_is_compared_as_a_text(uri: str) -> None:
    assert _client(REDIRECT, public=True).redirects_to(uri) is (uri == REDIRECT)


@given(st.integers(min_value=1, max_value=65535), st.sampled_from(["http://127.0.0.1{}/cb", "http://[::1]{}/cb"]))
def test_an_app_of_a_device_listens_at_any_port(port: int, template: str) -> None:
    client = _client(template.format(""), public=True)
    assert client.redirects_to(template.format(f":{port}"))
    assert not client.redirects_to(template.format(f":{port}").replace("/cb", "/other"))
    assert not client.redirects_to(template.format(f":{port}").replace("http:", "https:"))
    assert not _client(template.format("")).redirects_to(template.format(f":{port}")), "a server's app has its port"


def test_one_loopback_address_is_not_the_other() -> None:
    assert not _client("http://127.0.0.1/cb", public=True).redirects_to("http://[::1]:51004/cb")
    assert not _client("https://shop.example/cb", public=True).redirects_to("https://shop.example:8443/cb")


IMPOSSIBLE = [
    (False, [OWN], [], [Scope.WALLETS], "grant_types"),
    (True, [REFRESH], [], [Scope.WALLETS], "grant_types"),
    (True, [OWN, REFRESH], [], [Scope.WALLETS], "grant_types"),
    (True, [CODE], [], [Scope.WALLETS], "redirect_uris"),
    (True, [OWN], [REDIRECT], [Scope.WALLETS], "redirect_uris"),
    *((True, [OWN], [], [scope], "scopes") for scope in Scope if scope not in {Scope.WALLETS, Scope.PAYMENTS}),
]


@pytest.mark.parametrize(("confidential", "grants", "uris", "scopes", "parameter"), IMPOSSIBLE)
def test_what_no_client_can_be(
    confidential: bool, grants: list[GrantType], uris: list[str], scopes: list[Scope], parameter: str
) -> None:
    with pytest.raises(ClientNotPossibleError) as caught:
        check_possible(confidential, grants, uris, scopes)
    assert caught.value.parameter == parameter


@pytest.mark.parametrize("name", [" Shop", "Shop\u202e", "Sh\u200bop", "\u00a0", "Shop\u2028"])
def test_a_name_looks_like_what_it_is(name: str) -> None:
    check_name("Café 12 & Söhne")
    with pytest.raises(ClientNotPossibleError):
        check_name(name)


@pytest.fixture
async def shop(parts: Parts, database: Database) -> UUID:
    user = (await register(parts, database, register_request("shop@ledgerlink.example"))).id
    await database.pool.execute("UPDATE user_account SET role = 'merchant' WHERE id = $1", user)
    return user


async def _authenticated(database: Database, client: ClientAuthentication) -> str:
    async with database.reads() as reads:
        return (await authenticate_client(reads, client)).name


async def test_a_secret_is_shown_once_and_proves_the_client(parts: Parts, database: Database, shop: UUID) -> None:
    made = await new_client(parts, database, shop)
    assert made.client_secret
    assert await _authenticated(database, named(made)) == "Shop"
    assert made.client_secret not in str(await database.pool.fetch("SELECT * FROM oauth_client"))
    listed = await list_clients(database, asking(ListClients(owner=shop)))
    assert [client.id for client in listed.clients] == [made.client.id]


async def test_who_is_not_the_client(parts: Parts, database: Database, shop: UUID) -> None:
    confidential = await new_client(parts, database, shop)
    public = await new_client(parts, database, shop, confidential=False, grant_types=[CODE])
    assert public.client_secret is None
    assert await _authenticated(database, named(public)) == "Shop"
    strangers = [
        named(confidential, "lls_wrong"),
        ClientAuthentication(client_id=str(confidential.client.id)),
        named(public, "lls_anything"),
        ClientAuthentication(client_id=str(shop), client_secret=SecretStr("x")),
        ClientAuthentication(client_id="no id at all"),
        ClientAuthentication(client_id="ledgerlink", client_secret=SecretStr("x")),
    ]
    for stranger in strangers:
        with pytest.raises(Refused) as refused:
            await _authenticated(database, stranger)
        assert refused.value.problem.code == "invalid_client"


async def test_a_new_secret_takes_the_place_of_the_old(parts: Parts, database: Database, shop: UUID) -> None:
    old = await new_client(parts, database, shop)
    sent = RotateClientSecret(owner=shop, client=old.client.id, origin=HERE)
    new = await rotate_client_secret(parts, database, asking(sent))
    assert await _authenticated(database, named(new)) == "Shop"
    with pytest.raises(Refused, match="invalid_client"):
        await _authenticated(database, named(old))


async def test_a_public_client_has_no_secret_to_rotate(parts: Parts, database: Database, shop: UUID) -> None:
    public = await new_client(parts, database, shop, confidential=False, grant_types=[CODE])
    sent = RotateClientSecret(owner=shop, client=public.client.id, origin=HERE)
    with pytest.raises(Refused, match="client_not_possible"):
        await rotate_client_secret(parts, database, asking(sent))


async def test_nobody_else_keeps_a_client(parts: Parts, database: Database, shop: UUID) -> None:
    made = await new_client(parts, database, shop)
    other = (await register(parts, database, register_request("other@ledgerlink.example"))).id
    assert (await list_clients(database, asking(ListClients(owner=other)))).clients == []
    sent = RotateClientSecret(owner=other, client=made.client.id, origin=HERE)
    with pytest.raises(Refused, match="client_not_found"):
        await rotate_client_secret(parts, database, asking(sent))
    with pytest.raises(Refused, match="client_not_found"):
        await delete_client(parts, database, asking(DeleteClient(owner=other, client=made.client.id, origin=HERE)))


async def test_a_deleted_client_takes_its_sessions_along(parts: Parts, database: Database, shop: UUID) -> None:
    await register(parts, database, register_request())
    made = await new_client(parts, database, shop)
    token = await redeemed(parts, database, made, await code_for(parts, database, made))
    await delete_client(parts, database, asking(DeleteClient(owner=shop, client=made.client.id, origin=HERE)))
    with pytest.raises(Refused, match="invalid_client"):
        await _authenticated(database, named(made))
    reason = await database.pool.fetchval("SELECT end_reason FROM user_session WHERE id = $1", token.session_id)
    assert reason == "client_deleted"
    revoked = await database.pool.fetch("SELECT grant_id FROM revocation")
    assert {row["grant_id"] for row in revoked} == {made.client.id, token.session_id}
    with pytest.raises(Refused, match="client_not_found"):
        await delete_client(parts, database, asking(DeleteClient(owner=shop, client=made.client.id, origin=HERE)))


async def test_a_deleted_client_takes_more_sessions_along_than_end_at_once(
    parts: Parts, database: Database, shop: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revoking, "MOST_AT_ONCE", 1)
    await register(parts, database, register_request())
    made = await new_client(parts, database, shop)
    for _ in range(3):
        await redeemed(parts, database, made, await code_for(parts, database, made))
    await delete_client(parts, database, asking(DeleteClient(owner=shop, client=made.client.id, origin=HERE)))
    assert await database.pool.fetchval("SELECT count(*) FROM user_session WHERE ended_at IS NULL") == 0


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE user_account SET role = 'customer' WHERE id = $1",
        "UPDATE user_account SET status = 'deactivated' WHERE id = $1",
    ],
)
async def test_a_client_holds_as_long_as_its_owner_may_have_it(
    parts: Parts, database: Database, shop: UUID, change: str
) -> None:
    made = await new_client(parts, database, shop)
    await database.pool.execute(change, shop)
    with pytest.raises(Refused, match="invalid_client"):
        await _authenticated(database, named(made))


async def test_an_owner_has_a_bounded_number_of_clients(parts: Parts, database: Database, shop: UUID) -> None:
    for _ in range(MOST_CLIENTS):
        await new_client(parts, database, shop)
    with pytest.raises(Refused, match="too_many_clients"):
        await new_client(parts, database, shop)


async def test_what_is_wrong_with_a_client_is_named(parts: Parts, database: Database, shop: UUID) -> None:
    with pytest.raises(Refused) as refused:
        await new_client(parts, database, shop, redirect_uris=["http://shop.example"])
    assert (refused.value.problem.code, refused.value.problem.parameter) == ("redirect_uri_not_valid", "redirect_uris")
    with pytest.raises(Refused) as refused:
        await new_client(parts, database, shop, scopes=[Scope.USERS])
    assert (refused.value.problem.code, refused.value.problem.parameter) == ("client_not_possible", "scopes")
