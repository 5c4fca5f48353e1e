"""Which process gets which secrets: what `up` puts into environments, and a deployment in containers into files."""

from contracts.topology import USERS
from ops.stack.secrets import Secrets


def secrets_of(process: str, secrets: Secrets) -> dict[str, str]:
    """Return the secrets of a process by the names of its settings, without its prefix.

    Those that go with an address, as a database's URL does, are not among them.
    """
    own = {"NATS_SEED": secrets.nats_seeds[process]} if process in USERS else {}
    if process == "identity":
        own |= {
            "SECRETS_KEY": secrets.identity_secrets_key,
            "TOKEN_KEY": secrets.token_key,
            "ADMIN_PASSWORD": secrets.admin_password,
            "OPERATOR_PASSWORD": secrets.operator_password,
        }
    if process == "gateway":
        own |= {"PSEUDONYM_KEY": secrets.pseudonym_key}
    if process == "wallet":
        own |= {"SEAL_KEY": secrets.seal_key}
    if process == "payments":
        own |= {"WEBHOOK_SIGNING_KEY": secrets.webhook_signing_key, "SECRETS_KEY": secrets.endpoint_secrets_key}
    return {name: secret.get_secret_value() for name, secret in own.items()}
