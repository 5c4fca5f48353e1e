"""Messages of the risk service."""

from contracts.risk.assessments import *  # noqa: F403
from contracts.risk.cases import *  # noqa: F403
from contracts.risk.decisions import *  # noqa: F403
from contracts.risk.labels import *  # noqa: F403
from contracts.risk.limits import *  # noqa: F403
from contracts.risk.lists import *  # noqa: F403
from contracts.risk.models import *  # noqa: F403
from contracts.risk.outcomes import *  # noqa: F403
from contracts.risk.reviews import *  # noqa: F403
from contracts.risk.rule_sets import *  # noqa: F403
from contracts.risk.screenings import *  # noqa: F403
