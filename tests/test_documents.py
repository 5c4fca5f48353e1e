"""The AsyncAPI documents say what the running code does: the same subjects, the same queue groups, no drift."""

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from faststream.nats.subscriber.usecases.basic import LogicSubscriber

from contracts.asyncapi import DOCUMENTED, document
from contracts.topology import DURABLES, SERVICES
from ops.stack.layout import Layout
from ops.stack.parts import Parts
from ops.stack.ports import free_port
from ops.stack.stack import PORTS
from outbox.service import Service

DOCUMENTS = Path(__file__).parents[1] / "docs" / "asyncapi"


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Service]:
    """A room's service as its `main` builds it, from the very environment that the stack would give it."""
    name = request.param
    parts = Parts.of(Layout.at(tmp_path), {port: free_port() for port in PORTS})
    for variable, value in parts.environments.service(name).items():
        monkeypatch.setenv(variable, value)
    settings = getattr(import_module(f"apps.{name}.settings"), f"{name.capitalize()}Settings")
    return name, import_module(f"apps.{name}.main").build(settings())


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
        durable = operation.get("x-jetstream", {}).get("durable")
        received[channel["address"].replace("{requester}", application)] = durable
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


@pytest.mark.parametrize("application", DOCUMENTED)
def test_the_committed_document_is_what_the_code_generates(application: str) -> None:
    assert _committed(application) == json.loads(json.dumps(document(application)))


def test_there_is_a_document_for_each_application_and_no_other() -> None:
    assert {path.stem for path in DOCUMENTS.glob("*.json")} == set(DOCUMENTED)
