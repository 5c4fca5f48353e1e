"""What the model sees of a payment, chosen on weeks before the handbook's test week.

Left out: what changes nothing there (hours, pairs, labels of payers), and what would be a constant of the simulator.
"""

from apps.risk.domain.features.state import LABELS_SECONDS
from apps.risk.domain.scoring.documents import Input

_MONEY = ("amount", "payer_mean_amount_30d")
_BEHAVIOUR = (
    "payer_amount_ratio",
    "payer_amount_deviation",
    "payer_amount_variation_30d",
    "payer_amount_trend",
    "payer_count_7d",
    "payer_count_30d",
)
_LABELS = (
    "payee_frauds_7d",
    "payee_labelled_7d",
    "payee_fraud_rate_7d",
    "payee_frauds_30d",
    "payee_labelled_30d",
    "payee_fraud_rate_30d",
    "payee_fraud_run",
    "payee_fraud_run_days",
    "payee_good_days",
    "payee_fraud_days",
)
INPUTS = tuple(Input(feature=name, per_unit=name in _MONEY) for name in (*_MONEY, *_BEHAVIOUR, *_LABELS))
LOOK_BACK_SECONDS = LABELS_SECONDS
"""How far back these inputs look, labels the farthest: what is older need not be read to know them."""
