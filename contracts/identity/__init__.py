"""Messages of the identity service. Passwords, codes and tokens travel only as queries, never through a stream."""

from contracts.identity.accounts import *  # noqa: F403
from contracts.identity.api_keys import *  # noqa: F403
from contracts.identity.clients import *  # noqa: F403
from contracts.identity.factors import *  # noqa: F403
from contracts.identity.oauth import *  # noqa: F403
from contracts.identity.roles import *  # noqa: F403
from contracts.identity.screening_subjects import *  # noqa: F403
from contracts.identity.security_events import *  # noqa: F403
from contracts.identity.sessions import *  # noqa: F403
from contracts.identity.shared import *  # noqa: F403
from contracts.identity.signing_keys import *  # noqa: F403
