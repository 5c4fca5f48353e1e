"""What is wrong with a rule, and where."""


class RuleError(Exception):
    """A rule is refused: `place` is line and column of its source ("1:14"), `reason` a sentence for its author."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


def error_at(source: str, offset: int, reason: str) -> RuleError:
    """Return the refusal of what stands `offset` characters into the source."""
    before = source[:offset]
    line, column = before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
    return RuleError(f"{line}:{column}", reason)
