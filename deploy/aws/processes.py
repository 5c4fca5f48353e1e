"""What each process of ours is told on AWS: which settings are secret, and which are plain.

A test compares the secret ones with the settings classes: a new one that is not listed here fails it.
"""

from deploy.aws.environments import Environment

SERVICES = ("identity", "wallet", "payments", "risk")
"""The processes that own a database."""
PROCESSES = (*SERVICES, "gateway")
PROVISIONER = "provisioner"
OPERATOR = "operator"
PORT = 8080
NODES = ("nats-1", "nats-2", "nats-3")
NAMESPACE = "ledgerlink.internal"
CLIENTS_PORT, ROUTES_PORT, MONITORING_PORT = 4222, 6222, 8222
NATS_URL = ",".join(f"tls://{node}.{NAMESPACE}:{CLIENTS_PORT}" for node in NODES)

SECRET_SETTINGS = {
    "identity": ("NATS_SEED", "SECRETS_KEY", "TOKEN_KEY", "OPERATOR_PASSWORD", "ADMIN_PASSWORD", "SMTP_PASSWORD"),
    "wallet": ("NATS_SEED", "SEAL_KEY"),
    # The accounts at processors hold their API keys.
    "payments": ("NATS_SEED", "WEBHOOK_SIGNING_KEY", "SECRETS_KEY", "PROCESSORS"),
    "risk": ("NATS_SEED",),
    "gateway": ("NATS_SEED", "PSEUDONYM_KEY"),
    PROVISIONER: ("NATS_SEED",),
    OPERATOR: ("NATS_SEED",),
}
"""Settings that are kept in Secrets Manager, one secret a process; databases' passwords have secrets of their own."""
BROKER_SECRETS = ("PUBLIC_KEYS", "ROUTE_PASSWORD", "CERTIFICATE", "CERTIFICATE_KEY")
"""What a node of the broker knows; see ops.broker_node."""
AUTHORITY = "NATS_AUTHORITY"
"""The certificate by which clients know the broker: no secret, but kept with those who need it."""


def secret_keys(process: str) -> tuple[str, ...]:
    """Return the names of the environment's variables that a process's secret holds."""
    return tuple(f"{process.upper()}_{name}" for name in SECRET_SETTINGS[process])


def plain_settings(process: str, environment: Environment, trusted: str) -> dict[str, str]:
    """Return the other settings of a process; `trusted` is the network whose forwarded headers are believed."""
    own = {"NATS_URL": NATS_URL, "LOG_FORMAT": "json"}
    if process != PROVISIONER:
        own |= {
            "HTTP_HOST": "0.0.0.0",  # noqa: S104  # security groups say who reaches it
            "HTTP_PORT": str(PORT),
            "OTLP_ENDPOINT": "http://127.0.0.1:4318",
            "TRACE_SAMPLE_RATIO": str(environment.trace_share),
        }
    if process in _OWN:
        own |= _OWN[process](environment, trusted)
    return {f"{process.upper()}_{name}": value for name, value in own.items()}


def _identity(environment: Environment, _trusted: str) -> dict[str, str]:
    url = f"https://{environment.domain}"
    return {
        "ISSUER": url,
        "PUBLIC_URL": url,
        "PASSKEY_RP_ID": environment.domain,
        "PASSKEY_ORIGINS": url,
        "OPERATOR_EMAIL": f"operator@{environment.domain}",
        "ADMIN_EMAIL": f"admin@{environment.domain}",
        "SENDER": "smtp",
        "SMTP_HOST": environment.smtp_host,
        "SMTP_USER": environment.smtp_user,
        "SMTP_FROM": f"LedgerLink <no-reply@{environment.domain}>",
    }


def _gateway(environment: Environment, trusted: str) -> dict[str, str]:
    url = f"https://{environment.domain}"
    return {
        "PUBLIC_URL": url,
        "TOKEN_ISSUER": url,
        "HOSTS": environment.domain,
        "TRUSTED_PROXIES": trusted,
        "ADMIN_ACR": "aal2",
    }


def _provisioner(_environment: Environment, _trusted: str) -> dict[str, str]:
    return {"REPLICAS": str(len(NODES))}


_OWN = {"identity": _identity, "gateway": _gateway, PROVISIONER: _provisioner}
