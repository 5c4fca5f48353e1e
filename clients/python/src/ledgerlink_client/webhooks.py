"""Verifies webhooks (Standard Webhooks). Needs the extra `ledgerlink-client[webhooks]`."""

from collections.abc import Mapping

from pydantic import ValidationError

from ledgerlink_client.errors import LedgerLinkError
from ledgerlink_client.models.webhooks import WebhookEvent

try:
    from standardwebhooks import Webhook, WebhookVerificationError
except ImportError as missing:
    raise ImportError("verifying webhooks takes `pip install ledgerlink-client[webhooks]`") from missing


class WebhookError(LedgerLinkError):
    """What came is not an event that LedgerLink has signed for this endpoint within the last five minutes."""


def verified(body: bytes, headers: Mapping[str, str], secret: str) -> WebhookEvent:
    """Return the event that came to an endpoint, once its signature and its time are right. Raises WebhookError.

    `body` is the bytes as they came, `secret` the endpoint's. Do nothing for an event whose `id` came before.
    """
    try:
        Webhook(secret).verify(body, dict(headers), json_parse=False)
        return WebhookEvent.model_validate_json(body)
    # A signature that is no base64, or a body that is no text, is a ValueError to the library.
    except (WebhookVerificationError, ValidationError, ValueError) as error:
        raise WebhookError("not an event that LedgerLink has signed for this endpoint") from error
