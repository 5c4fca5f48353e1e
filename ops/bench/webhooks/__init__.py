"""How soon webhooks are sent, measured where they arrive, while a share of the endpoints is dead."""
