"""What a model sees of a payment: its inputs as numbers, read alike when it is trained and when it scores."""

from collections.abc import Sequence

from apps.risk.domain.features.catalogue import Values
from apps.risk.domain.scoring.documents import Input


class InputReader:
    """Reads the inputs of a model out of feature values, in their order."""

    def __init__(self, inputs: Sequence[Input]) -> None:
        self._columns = tuple((i.feature, i.per_unit) for i in inputs)

    def read(self, values: Values) -> list[float]:
        """Return the inputs as numbers. Raises KeyError where a feature has no value, ValueError where it is a text."""
        unit = float(values["unit"])
        return [float(values[name]) / unit if per_unit else float(values[name]) for name, per_unit in self._columns]
