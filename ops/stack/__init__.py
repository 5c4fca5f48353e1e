"""The embedded stack: PostgreSQL, NATS and Valkey, the services, the gateway and a sandbox processor, under one supervisor."""
