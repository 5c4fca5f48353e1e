"""When ECS is to begin a node of NATS anew.

NATS calls itself healthy when its streams are what the others have, so that nodes that are changed one after the other
leave two of three that agree. But a node that sees no other cannot be healthy so, as the first of a new cluster, or
while the network is cut; to begin it anew helps nobody. It is enough then that it has its disk.
"""

from deploy.aws.processes import MONITORING_PORT

_MONITORING = f"http://127.0.0.1:{MONITORING_PORT}"
CHECK = (
    f"wget -qO- {_MONITORING}/healthz || "
    f"""{{ wget -qO- {_MONITORING}/routez | grep -q '"num_routes": 0' && """
    f"wget -qO- '{_MONITORING}/healthz?js-enabled-only=true'; }}"
)
"""A shell's; the image has BusyBox and nothing more."""
