"""Provisioning once either happens or ends with a reason."""

import pytest
from pydantic import SecretStr

from ops.stack.ports import free_port
from outbox import provision
from outbox.settings import BrokerSettings
from tests.servers import NatsServer


async def test_provisioning_once_gives_up_on_a_broker_that_is_not_there(
    nats_server: NatsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provision, "CONNECT_SECONDS", 0.5)
    url = f"nats://127.0.0.1:{free_port()}"
    settings = BrokerSettings(nats_url=url, nats_seed=SecretStr(nats_server.seeds["provisioner"]))
    with pytest.raises(TimeoutError, match=url):
        await provision.provision_once(settings)
