"""Messages of the wallet service, the double-entry ledger."""

from contracts.wallet.accounts import *  # noqa: F403
from contracts.wallet.effects import *  # noqa: F403
from contracts.wallet.holds import *  # noqa: F403
from contracts.wallet.journals import *  # noqa: F403
from contracts.wallet.outcomes import *  # noqa: F403
from contracts.wallet.periods import *  # noqa: F403
from contracts.wallet.reconciliation import *  # noqa: F403
from contracts.wallet.seals import *  # noqa: F403
from contracts.wallet.transfers import *  # noqa: F403
