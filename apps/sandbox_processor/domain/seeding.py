"""What looks random and is not: the same seed and the same words always give the same."""

from hashlib import blake2b

_BYTES = 12


def _digest(seed: int, words: tuple[str, ...]) -> bytes:
    return blake2b("\x1f".join((str(seed), *words)).encode(), digest_size=_BYTES).digest()


def name(prefix: str, seed: int, *words: str) -> str:
    """Return an identifier: the prefix and 24 hexadecimal digits."""
    return prefix + _digest(seed, words).hex()


def fraction(seed: int, *words: str) -> float:
    """Return a number in [0, 1)."""
    return int.from_bytes(_digest(seed, words)) / float(1 << 8 * _BYTES)
