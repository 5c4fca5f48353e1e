"""The names of secrets in Secrets Manager."""

BROKER, AUTHORITY = "broker", "authority"
"""What the broker's nodes know, and by which certificate processes know them."""


def secret_name(environment: str, process: str) -> str:
    """Return the name of the secret with a process's settings."""
    return f"ledgerlink/{environment}/{process}"
