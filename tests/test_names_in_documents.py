"""What documents name exists: commands with their options, routes, messages, metrics."""

import ast
import json
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from typer.core import TyperGroup
from typer.main import get_command

from contracts.message import REGISTRY
from contracts.topology import ROOMS
from gateway.tests.openapi_document import operations
from ops.cli import app
from tests.runnable_documents import ROOT, documents
from tests.unconnected_gateway import unconnected_gateway

CODE = {"code_inline", "fence", "code_block"}
SERVICES = "|".join(room.__name__.removeprefix("contracts.") for room in ROOMS)
SUBJECT = re.compile(rf"\b(?:{SERVICES})\.(?:commands|events|queries|decisions)\.[a-z_]+(?:\.[a-z_]+)*")
ROUTE = re.compile(r"\b(GET|HEAD|POST|PUT|PATCH|DELETE) (/(?:v1|oauth)/[\w/{}-]+)")
ROOMS_OF_FILES = "apps|clients|contracts|deploy|docs|gateway|ops|outbox|tests"
FILE = re.compile(rf"`((?:{ROOMS_OF_FILES})/[\w./-]+\w)`")
ID = re.compile(r"\{\w+\}|[\w-]{24,}")
OTHER_COMPANY = "docs/guides/sandbox-processor.md"
"""Its routes are the processor's."""
# No part of a path or of the name of a recording rule; the client and the volume of secrets are no metrics.
METRIC = re.compile(r"(?<![:/\w-])ledgerlink_(?!client|secrets)\w+(?![\w/:-])")
OF_A_HISTOGRAM = re.compile("_(?:bucket|sum|count)$")
COMMAND = re.compile(r"(?<![\w./-])ledgerlink ((?:[a-z][a-z-]+)(?: [^\s|;&()`#$]+)*)")


def code_of(path: str) -> Iterator[str]:
    """Return the code of a document: blocks without their continued lines, and what is set as code within a line."""
    tokens = MarkdownIt().enable("table").parse((ROOT / path).read_text())
    inline = [child for token in tokens for child in token.children or ()]
    for token in [*tokens, *inline]:
        if token.type in CODE and token.info.strip() != "mermaid":
            yield token.content.replace("\\\n", " ")


def unknown_words(words: list[str]) -> list[str]:
    """Return the first word of a command line that is no command of a group, or the options that its command lacks."""
    command = get_command(app)
    while isinstance(command, TyperGroup) and words and not words[0].startswith("-"):
        found = command.commands.get(words[0])
        if found is None:
            return words[:1]
        command, words = found, words[1:]
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    named = [re.split(r"[=\]]", word.strip("[]…,"))[0] for word in words if word.lstrip("[").startswith("--")]
    return [option for option in named if option not in known]


@pytest.mark.parametrize("path", documents())
def test_commands_exist(path: str) -> None:
    lines = [found for code in code_of(path) for found in COMMAND.findall(code)]
    assert {line: unknown for line in lines if (unknown := unknown_words(line.split()))} == {}


@pytest.mark.parametrize("path", documents())
def test_messages_exist(path: str) -> None:
    known = {message.contract.subject for message in REGISTRY.values()}
    named = set(SUBJECT.findall((ROOT / path).read_text()))
    assert {re.sub(r"^(\w+\.decisions)\..*", r"\1.*", subject) for subject in named} <= known


@pytest.mark.parametrize("path", documents())
def test_metrics_exist(path: str, metrics: set[str]) -> None:
    named = {OF_A_HISTOGRAM.sub("", name) for name in METRIC.findall((ROOT / path).read_text())}
    assert named <= metrics


@pytest.mark.parametrize("path", documents())
def test_files_exist(path: str) -> None:
    assert [name for name in FILE.findall((ROOT / path).read_text()) if not (ROOT / name).exists()] == []


@pytest.fixture(scope="module")
def metrics() -> set[str]:
    code = [file for room in ("outbox", "apps", "gateway") for file in (ROOT / room).rglob("*.py")]
    return {name for file in code for name in re.findall(r'"(ledgerlink_\w+)"', file.read_text())}


def route_of(method: str, path: str) -> str:
    """Return a route with its ids left out, whether they are named or an example's."""
    return f"{'GET' if method == 'HEAD' else method.upper()} {ID.sub('{}', path)}"


@pytest.fixture(scope="module")
def routes() -> set[str]:
    return {route_of(*name.split(" ", maxsplit=1)) for name, _ in operations(unconnected_gateway().openapi())}


@pytest.mark.parametrize("path", [path for path in documents() if path != OTHER_COMPANY])
def test_routes_exist(path: str, routes: set[str]) -> None:
    named = ROUTE.findall((ROOT / path).read_text().replace("\n", " "))
    assert {route_of(method, route) for method, route in named} <= routes


def test_what_does_not_exist_is_noticed() -> None:
    assert unknown_words(["risk", "rules", "erase"]) == ["erase"]
    assert unknown_words(["audit", "--quick", "--json"]) == ["--quick"]
    assert Path("README.md").name in documents()


def fenced(path: str, language: str) -> list[str]:
    tokens = MarkdownIt().parse((ROOT / path).read_text())
    return [token.content for token in tokens if token.type == "fence" and token.info.strip() == language]


@pytest.mark.parametrize("path", documents())
def test_python_is_python_and_imports_what_is_there(path: str) -> None:
    for code in fenced(path, "python"):
        tree = ast.parse(code)
        for imported in (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)):
            module = import_module(str(imported.module))
            assert [alias.name for alias in imported.names if not hasattr(module, alias.name)] == []


@pytest.mark.parametrize("path", documents())
def test_json_is_json(path: str) -> None:
    for code in fenced(path, "json"):
        json.loads(code)
