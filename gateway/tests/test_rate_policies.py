"""The settings file of rate limits: what is wrong in it is said at the start; which request costs what."""

from pathlib import Path
from typing import Any

import pytest

from contracts.identity import Role
from contracts.ids import new_id
from gateway.rate_policies import RatePolicies, site
from gateway.request_context import Caller
from outbox.settings import InvalidSettingsError

SOUND = """
[policies.user]
per = "user"
quota = 10
window = 1

[[classes]]
name = "all"
policies = ["user"]
"""
WRONG = [
    ("[policies", "not TOML"),
    (SOUND.replace("quota = 10", "quota = 0"), "policies.user.quota: Input should be greater than or equal to 1"),
    (SOUND.replace("quota = 10", 'quota = "10"'), "policies.user.quota: Input should be a valid integer"),
    (SOUND.replace("quota = 10", "quota = 1.5"), "policies.user.quota: Input should be a valid integer"),
    (SOUND.replace("window = 1\n", ""), "policies.user.window: Field required"),
    (SOUND.replace("quota = 10", "quota = 10_000_000"), "policies.user: a quota comes back by at most a million"),
    (SOUND.replace('per = "user"', 'per = "planet"'), "policies.user.per: Input should be 'address'"),
    (SOUND.replace("[policies.user]", '[policies."a b"]'), "String should match pattern"),
    (SOUND + "burst = 1", "classes.0.burst: Extra inputs are not permitted"),
    (SOUND + "cost = 11", "class all: it costs more than the quota of the policy user"),
    (SOUND.replace('["user"]', '["users"]'), "class all: there is no policy users"),
    (SOUND.replace('["user"]', '["user", "user"]'), "class all: a policy is named twice"),
    (SOUND.replace('["user"]', "[]"), "policy user: no class uses it"),
    (SOUND + 'methods = ["POST"]', "class all: the last class takes what no other does"),
    (SOUND + '[[classes]]\nname = "never"\npolicies = []', "class all: the last class takes what no other does"),
    (SOUND + 'paths = ["v1"]', "classes.0.paths.0: String should match pattern"),
    (SOUND + 'paths = ["/v1/**/x"]', "classes.0.paths.0: String should match pattern"),
    ("", "policies: Field required; classes: Field required"),
]


@pytest.mark.parametrize(("text", "told"), WRONG)
def test_what_is_wrong_is_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(text)
    with pytest.raises(InvalidSettingsError) as caught:
        RatePolicies.read(path)
    assert str(caught.value).startswith(f"GATEWAY_RATE_LIMITS: {path}: ")
    assert told in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingsError, match="No such file"):
        RatePolicies.read(tmp_path / "none.toml")


USER = Caller(new_id(), Role.CUSTOMER, frozenset(), 0.0, "shop")
OWN = Caller(new_id(), Role.CUSTOMER, frozenset(), 0.0, "ledgerlink")
NAMES = ["address", "user", "client"]
CASES = [
    ("GET", "/v1/wallets", USER, NAMES, 1),
    ("GET", "/v1/wallets", OWN, ["address", "user"], 1),
    ("GET", "/v1/wallets", None, ["address", "anonymous"], 1),
    ("POST", "/v1/payment_intents", USER, NAMES, 2),
    ("POST", f"/v1/payment_intents/{new_id()}/confirm", USER, NAMES, 2),
    ("GET", "/v1/payment_intents", USER, NAMES, 1),
    ("POST", f"/v1/wallets/{new_id()}/top_ups", USER, NAMES, 2),
    ("POST", "/v1/wallets", USER, NAMES, 1),
    ("POST", "/v1/sessions", None, ["address", "credentials"], 1),
    ("POST", "/v1/sessions/step_up", OWN, ["address", "user", "credentials"], 1),
    ("GET", "/v1/sessions", OWN, ["address", "user"], 1),
    ("POST", "/oauth/sign_in", None, ["address", "credentials"], 1),
    ("POST", "/oauth/token", None, ["address", "tokens"], 1),
    ("POST", "/v1/webhooks/sandbox", None, ["webhooks"], 1),
    ("POST", "/v1/webhooks/a/b", None, ["address", "anonymous"], 1),
    ("POST", "/v1/holds/a\nb/void", None, ["address", "anonymous"], 2),
]


@pytest.mark.parametrize(("method", "path", "caller", "names", "cost"), CASES)
def test_the_default_file(method: str, path: str, caller: Caller | None, names: list[str], cost: int) -> None:
    charges = RatePolicies.read(None).charges(method, path, "192.0.2.1", caller)
    assert [charge.policy.name for charge in charges] == names
    assert {charge.cost for charge in charges} == {cost}


def test_what_needs_no_token_is_limited_more_strictly(document: dict[str, Any]) -> None:
    policies = RatePolicies.read(None)
    for path, operations in document["paths"].items():
        if "post" in operations and not operations["post"].get("security"):
            charged = {c.policy.name for c in policies.charges("POST", path, "192.0.2.1", None)}
            assert charged & {"credentials", "tokens", "webhooks"}, f"put {path} into a class of rate_limits.toml"


def test_whose_quota_it_is() -> None:
    charges = RatePolicies.read(None).charges("GET", "/v1/wallets", "2001:db8::1:2:3:4", USER)
    assert [charge.who for charge in charges] == ["2001:db8::/64", str(USER.user), "shop"]


SITES = [
    ("192.0.2.1", "192.0.2.1"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
    ("::1", "::/64"),
    ("fe80::1%eth0", "fe80::/64"),
    ("unknown", "unknown"),
    ("a:b", "a:b"),
]


@pytest.mark.parametrize(("address", "expected"), SITES)
def test_the_site_of_an_address(address: str, expected: str) -> None:
    assert site(address) == expected
