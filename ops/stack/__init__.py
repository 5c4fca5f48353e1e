"""The embedded stack: servers, services, gateway and a sandbox processor, under one supervisor."""
