"""Safe delivery: one transaction per batch with inbox and outbox, a relay, a consumer."""
