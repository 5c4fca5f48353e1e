"""Safe delivery: one transaction per batch with inbox and outbox, the relay that publishes, the consumer that retries."""
