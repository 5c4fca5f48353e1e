"""What ends training or evaluation with one sentence to whoever asked for it."""


class RiskModelError(Exception):
    """A file, a period or a history of which no model can be made or judged; its text says what to do."""
