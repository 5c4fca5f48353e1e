"""The settings file of rate limits: policies, and the classes of requests that they apply to."""

import ipaddress
import re
import tomllib
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from gateway.gcra import SECOND, Charge, Policy
from gateway.request_context import Caller
from outbox.settings import InvalidSettingsError

DEFAULT = files("gateway").joinpath("rate_limits.toml")
_VARIABLE = "GATEWAY_RATE_LIMITS"
_DAY = 86_400
_MOST_QUOTA = 10_000_000
_IPV6_SITE = 64
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
PathPattern = Annotated[
    str, StringConstraints(pattern=r"^(/([A-Za-z0-9._~-]+|\*))*(/\*\*)?/?$", min_length=1, max_length=256)
]
Method = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3,10}$")]


class Per(StrEnum):
    """Whose quota it is."""

    ADDRESS = "address"
    ANONYMOUS = "anonymous"
    USER = "user"
    CLIENT = "client"


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class PolicySettings(_Settings):
    """A policy as the file writes it; see gateway.gcra.Policy."""

    per: Annotated[Per, Field(strict=False)]
    quota: Annotated[int, Field(ge=1, le=_MOST_QUOTA)]
    window: Annotated[int, Field(ge=1, le=_DAY)]
    exempt: frozenset[str] = Field(default=frozenset(), strict=False)
    shadow: bool = False

    @model_validator(mode="after")
    def _can_be_counted(self) -> Self:
        if self.quota > self.window * SECOND:
            raise ValueError("a quota comes back by at most a million units a second")
        return self


class ClassSettings(_Settings):
    """A class of requests: the methods and paths that it takes (all, where none are named), and what they cost."""

    name: Name
    methods: frozenset[Method] = Field(default=frozenset(), strict=False)
    paths: tuple[PathPattern, ...] = Field(default=(), strict=False)
    policies: tuple[Name, ...] = Field(strict=False)
    cost: Annotated[int, Field(ge=1, le=1000)] = 1

    @property
    def takes_all(self) -> bool:
        """Whether no request is left for a later class."""
        return not self.methods and not self.paths


class RateLimitSettings(_Settings):
    """The whole file."""

    policies: Annotated[dict[Name, PolicySettings], Field(max_length=32)]
    classes: Annotated[tuple[ClassSettings, ...], Field(min_length=1, max_length=64, strict=False)]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for problem in (*self._problems_of_classes(), *self._problems_of_policies()):
            raise ValueError(problem)
        return self

    def _problems_of_classes(self) -> Iterator[str]:
        for number, each in enumerate(self.classes, start=1):
            if each.takes_all != (number == len(self.classes)):
                yield f"class {each.name}: the last class takes what no other does; it alone names no paths and methods"
            if len(set(each.policies)) < len(each.policies):
                yield f"class {each.name}: a policy is named twice"
            for name in each.policies:
                if name not in self.policies:
                    yield f"class {each.name}: there is no policy {name}"
                elif self.policies[name].quota < each.cost:
                    yield f"class {each.name}: it costs more than the quota of the policy {name}"

    def _problems_of_policies(self) -> Iterator[str]:
        used = {name for each in self.classes for name in each.policies}
        for name in self.policies:
            if name not in used:
                yield f"policy {name}: no class uses it"


class _Limited:
    """A policy, and who it applies to."""

    def __init__(self, name: str, settings: PolicySettings) -> None:
        self.policy = Policy(name, settings.quota, settings.window, settings.shadow)
        self.per, self._exempt = settings.per, settings.exempt

    def who(self, address: str, caller: Caller | None) -> str | None:
        """Return whose quota a request uses, None for one that the policy does not apply to."""
        who = self._partition(address, caller)
        return None if who in self._exempt else who

    def _partition(self, address: str, caller: Caller | None) -> str | None:
        if self.per is Per.ADDRESS:
            return address
        if caller is None:
            return address if self.per is Per.ANONYMOUS else None
        match self.per:
            case Per.USER:
                return str(caller.user)
            case Per.CLIENT:
                return caller.client_id
            case _:
                return None


class _Class:
    """A class of requests, ready to be compared with."""

    def __init__(self, settings: ClassSettings, policies: Mapping[str, _Limited]) -> None:
        self._methods = settings.methods
        self._paths = re.compile("|".join(map(_pattern, settings.paths)) or ".*", re.DOTALL)
        self._policies = [policies[name] for name in settings.policies]
        self._cost = settings.cost

    def takes(self, method: str, path: str) -> bool:
        return (not self._methods or method in self._methods) and self._paths.fullmatch(path) is not None

    def charges(self, address: str, caller: Caller | None) -> list[Charge]:
        asked = ((limited.policy, limited.who(address, caller)) for limited in self._policies)
        return [Charge(policy, who, self._cost) for policy, who in asked if who is not None]


class RatePolicies:
    """Tells what a request is charged with. The file was checked: each request is of a class."""

    def __init__(self, settings: RateLimitSettings) -> None:
        policies = {name: _Limited(name, policy) for name, policy in settings.policies.items()}
        self._classes = [_Class(each, policies) for each in settings.classes]

    @classmethod
    def read(cls, path: Path | None) -> "RatePolicies":
        """Read a file, or the default one. Raises InvalidSettingsError, which says what is wrong where."""
        try:
            text = (path or DEFAULT).read_text(encoding="utf-8")
            return cls(RateLimitSettings.model_validate(tomllib.loads(text)))
        except OSError as error:
            told = f"{path}: {error.strerror}"
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            told = f"{path}: not TOML: {error}"
        except ValidationError as error:
            told = f"{path}: " + "; ".join(_told(problem) for problem in error.errors(include_url=False))
        raise InvalidSettingsError(f"{_VARIABLE}: {told}")

    def charges(self, method: str, path: str, address: str, caller: Caller | None) -> list[Charge]:
        """Return what a request of this caller, from this address, is charged with."""
        found = next(each for each in self._classes if each.takes(method, path))
        return found.charges(site(address), caller)


@lru_cache(maxsize=4096)
def site(address: str) -> str:
    """Return what stands for an address: of IPv6 the /64, all of which one customer has (RFC 6177)."""
    if ":" not in address:
        return address
    try:
        parsed = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.IPv6Network((parsed, _IPV6_SITE), strict=False))


def _pattern(path: str) -> str:
    """Return the regular expression of a path with wildcards."""
    steps = {"*": "[^/]+", "**": ".+"}
    return "/".join(steps.get(step, re.escape(step)) for step in path.split("/"))


def _told(problem: Mapping[str, Any]) -> str:
    place = ".".join(str(step) for step in problem["loc"])
    message = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
