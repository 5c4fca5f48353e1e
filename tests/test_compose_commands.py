"""`docker compose …` in the documents: each names a service that there is, and secrets that its container has."""

import re
import shlex
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
import yaml

from ops.secret_files import secret_files
from ops.stack.secrets import Secrets

ROOT = Path(__file__).parents[1]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
SECRETS = secret_files(Secrets().complete())
MOUNTED = PurePosixPath("/run/ledgerlink")
_COMMAND = re.compile(r"docker compose ((?:[^`\n\\]|\\\n)+)")
PLANTED = {
    "docker compose run --rm operators streams": "no service operators",
    "docker compose exec operator ledgerlink streams": "operator does not run",
    "docker compose exec wallet cat /run/ledgerlink/IDENTITY_ADMIN_PASSWORD": "wallet has no IDENTITY_ADMIN_PASSWORD",
    "docker compose run --rm --volume ledgerlink_secrets:/x:ro secrets": "options with a value hide the service",
}


def _commands(text: str) -> list[str]:
    return [f"docker compose {words}" for words in _COMMAND.findall(text)]


def _check(command: str) -> None:
    """Raise LookupError where the command names what is not there."""
    words = shlex.split(command)[2:]
    verb = next((word for word in words if word in {"run", "exec"}), None)
    if verb is None:
        return
    after = words[words.index(verb) + 1 :]
    options = list(takewhile(lambda word: word.startswith("-"), after))
    service, *arguments = after[len(options) :]
    if {"--volume", "--entrypoint", "-v"} & set(options):
        raise LookupError("options with a value hide the service")
    if service not in SERVICES:
        raise LookupError(f"no service {service}")
    if verb == "exec" and "profiles" in SERVICES[service]:
        raise LookupError(f"{service} does not run")
    for path in (PurePosixPath(argument) for argument in arguments):
        if path.is_relative_to(MOUNTED) and path.name not in SECRETS[service]:
            raise LookupError(f"{service} has no {path.name}")


def test_each_command_names_what_there_is() -> None:
    commands = [c for path in (ROOT / "docs").rglob("*.md") for c in _commands(path.read_text())]
    assert len(commands) > 10
    for command in commands:
        _check(command)


@pytest.mark.parametrize(("command", "why"), PLANTED.items())
def test_a_wrong_name_is_noticed(command: str, why: str) -> None:
    with pytest.raises(LookupError, match=why):
        _check(command)
