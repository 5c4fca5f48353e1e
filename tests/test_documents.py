"""The AsyncAPI documents say what the running code does: the same subjects, the same queue groups, no drift."""

import json
from pathlib import Path
from typing import Any

import pytest
from faststream.nats.subscriber.usecases.basic import LogicSubscriber
from typer.testing import CliRunner

from contracts.asyncapi import DOCUMENTED, SYSTEM
from contracts.message import REGISTRY
from contracts.topology import DURABLES, SERVICES
from ops.cli import app
from outbox.service import Service
from tests.built_services import built_service

DOCUMENTS = Path(__file__).parents[1] / "docs" / "asyncapi"


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Service]:
    """Each room's service, and its name."""
    return request.param, built_service(request.param, tmp_path, monkeypatch)


def _committed(application: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((DOCUMENTS / f"{application}.json").read_text())
    return content


def _received(application: str) -> dict[str, str | None]:
    """Return what a document says is received: subject -> durable, or None where it is asked over core NATS."""
    content = _committed(application)
    received: dict[str, str | None] = {}
    for operation in content["operations"].values():
        if operation["action"] != "receive":
            continue
        channel = content["channels"][operation["channel"]["$ref"].removeprefix("#/channels/")]
        jetstream = operation.get("x-jetstream", {})
        received[channel["address"].replace("{requester}", application)] = jetstream.get("durable")
        for replays in jetstream.get("filterSubjects", []):
            if replays.startswith("replays."):
                received[replays] = jetstream["durable"]
    return received


def _subscribed(service: Service) -> dict[str, str | None]:
    """Return what the code subscribes to, in the same form."""
    subscribed: dict[str, str | None] = {}
    for subscriber in service.broker.subscribers:
        assert isinstance(subscriber, LogicSubscriber)
        durable = subscriber.extra_options.get("durable")
        for subject in subscriber.filter_subjects or [subscriber.subject.template]:
            assert subject not in subscribed, f"{subject} has two subscribers"
            subscribed[subject] = durable
    return subscribed


def test_a_room_subscribes_to_what_its_document_says(service: tuple[str, Service]) -> None:
    name, built = service
    assert _subscribed(built) == _received(name)


def test_a_room_serves_every_durable_that_the_provisioner_makes_for_it(service: tuple[str, Service]) -> None:
    name, built = service
    durables = {durable for durable in _subscribed(built).values() if durable}
    assert durables == {durable.name for durable in DURABLES if durable.service == name}


def test_replicas_share_queries_as_the_queue_group_that_the_document_names(service: tuple[str, Service]) -> None:
    name, built = service
    groups = {
        getattr(subscriber, "queue", None)
        for subscriber in built.broker.subscribers
        if isinstance(subscriber, LogicSubscriber) and not subscriber.filter_subjects
    }
    documented = {
        operation["bindings"]["nats"]["queue"]
        for operation in _committed(name)["operations"].values()
        if "nats" in operation.get("bindings", {})
    }
    assert groups == documented


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("asyncapi")
    result = CliRunner().invoke(app, ["asyncapi", "--directory", str(directory)])
    assert result.exit_code == 0, result.output
    return directory


def test_what_is_committed_is_what_the_code_generates(made: Path) -> None:
    generated = {path.name: path.read_bytes() for path in made.iterdir()}
    committed = {path.name: path.read_bytes() for path in DOCUMENTS.iterdir()}
    assert generated.keys() == committed.keys()
    assert [name for name, content in generated.items() if committed[name] != content] == []


def test_drift_of_a_document_and_of_a_page_is_named(made: Path) -> None:
    for name in ("risk.json", "index.html"):
        (made / name).write_text("old")
    result = CliRunner().invoke(app, ["asyncapi", "--check", "--directory", str(made)])
    assert (result.exit_code, result.output.split(". ")[0]) == (1, "Out of date: risk.json, index.html")


def test_the_system_is_all_that_its_applications_do() -> None:
    system = _committed(SYSTEM)
    spoken = {
        (application, name, json.dumps(operation["channel"]))
        for application in DOCUMENTED
        for name, operation in _committed(application)["operations"].items()
    }
    assert {
        (*name.split(".", 1), json.dumps(operation["channel"])) for name, operation in system["operations"].items()
    } == spoken
    assert {message["name"] for message in system["components"]["messages"].values()} == set(REGISTRY)


@pytest.mark.parametrize("name", [*DOCUMENTED, SYSTEM])
def test_a_document_leaves_nothing_out(name: str) -> None:
    """Of messages examples and headers, of streams what they keep, of receivers their way, of requests their answer."""
    content = _committed(name)
    channels = content["channels"]
    for identifier, channel in channels.items():
        (message,) = (content["components"]["messages"][one] for one in channel["messages"])
        assert message["examples"][0]["payload"]["type"] == message["name"]
        assert ("headers" in message) == ("x-jetstream" in channel)
        assert ("x-jetstream" in channel) == (channel["tags"][0]["name"] not in {"queries", "replies"}), identifier
    for identifier, operation in content["operations"].items():
        kind, owner = operation["tags"][0]["name"], operation["channel"]["$ref"].split("/")[-1].split(".")[0]
        ways = {way for way in ("x-jetstream", "bindings") if way in operation}
        heard_aside = "gateway" in (name, identifier.split(".")[0]) and kind == "events"
        assert len(ways) == (operation["action"] == "receive" and not heard_aside), identifier
        application = identifier.split(".")[0] if name == SYSTEM else name
        type_ = content["components"]["messages"][operation["messages"][0]["$ref"].split("/")[-1]]["name"]
        awaited = REGISTRY[type_].contract.answer and (kind == "queries" or application in {"gateway", owner})
        assert ("reply" in operation) == bool(awaited), identifier
