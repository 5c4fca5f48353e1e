"""Which passwords are refused: those that guessers try first (NIST SP 800-63B §3.1.1.2, OWASP authentication).

The lists of common passwords, words and names are zxcvbn's; it estimates how many guesses a password withstands.
"""

import re

from zxcvbn import zxcvbn
from zxcvbn.matching import L33T_TABLE

_SAFE_SCORE = 3
"""What zxcvbn calls safely unguessable where hashes are slow: a hundred million guesses or more."""
_JUDGED = 32
"""Characters judged at a time: the work grows with the square of the length."""
_MOST_SYMBOLS = 8
"""Different signs that may stand for letters; each more doubles the readings that are tried."""
_OWN_NAMES = ("ledgerlink", "ledger", "link")
_SHORTEST_NAME = 4
_LETTERS = {sign: letter for letter, signs in reversed(L33T_TABLE.items()) for sign in signs}


def weakness(password: str, email: str) -> str | None:
    """Return what is to be changed about a password of this e-mail address, None where it will do.

    Takes some milliseconds. A password is at least as hard to guess as any part of it, so a long one is judged by its
    two ends.
    """
    name = email.partition("@")[0].casefold()
    if len(name) >= _SHORTEST_NAME and name in password.casefold():
        return "It contains the name of your e-mail address; leave that out."
    known = [*_OWN_NAMES, *(word for word in re.split(r"[^a-z0-9]+", email.casefold()) if word)]
    advice = _advice(password[:_JUDGED], known)
    if advice is not None and len(password) > _JUDGED and _advice(password[-_JUDGED:], known) is None:
        return None
    return advice


def _advice(part: str, known: list[str]) -> str | None:
    judged = zxcvbn(_readable(part), user_inputs=known)
    if judged["score"] >= _SAFE_SCORE:
        return None
    feedback = judged["feedback"]
    sentences = [feedback["warning"], *feedback["suggestions"]]
    return " ".join(sentence for sentence in sentences if sentence) or "Add another word or two."


def _readable(part: str) -> str:
    """Write letters for the signs that may stand for them, where they are too many to try all readings.

    Digits stay: they may be years or sequences, and few of them stand for the same letter.
    """
    if len({character for character in part if character in _LETTERS}) <= _MOST_SYMBOLS:
        return part
    return "".join(character if character.isdigit() else _LETTERS.get(character, character) for character in part)
