"""What machines ask that watch the gateway: without limits, and by whatever address they find it."""

PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
