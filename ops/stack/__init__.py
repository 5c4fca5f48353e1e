"""The embedded stack: PostgreSQL, NATS and Valkey, the services and the gateway, under one supervisor."""
