"""Messages of the payments service."""

from contracts.payments.disputes import *  # noqa: F403
from contracts.payments.intents import *  # noqa: F403
from contracts.payments.methods import *  # noqa: F403
from contracts.payments.operations import *  # noqa: F403
from contracts.payments.outcomes import *  # noqa: F403
from contracts.payments.parked_webhooks import *  # noqa: F403
from contracts.payments.processors import *  # noqa: F403
from contracts.payments.refunds import *  # noqa: F403
from contracts.payments.timeline import *  # noqa: F403
from contracts.payments.webhooks import *  # noqa: F403
