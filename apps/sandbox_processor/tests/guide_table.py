"""The guide's table of tokens and numbers, made from the one table."""

from apps.sandbox_processor.domain.behaviours import TABLE


def guide_table() -> str:
    rows = [(f"`{b.token}`", ", ".join(f"`{number}`" for number in b.numbers), b.does) for b in TABLE]
    lines = [("token", "numbers", "what happens"), ("---", "---", "---"), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
