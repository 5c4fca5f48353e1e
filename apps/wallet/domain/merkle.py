"""Merkle trees over hashed leaves (RFC 6962 §2.1): the root, and the path that proves one leaf."""

from collections.abc import Sequence

from contracts.proof import node_hash

HASH_BYTES = 32


def split_leaves(leaves: bytes) -> list[bytes]:
    """Return the leaf hashes of which `leaves` is the concatenation."""
    return [leaves[start : start + HASH_BYTES] for start in range(0, len(leaves), HASH_BYTES)]


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Return the root over at least one leaf hash."""
    level = leaves
    while len(level) > 1:
        level = _above(level)
    return level[0]


def inclusion_path(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the siblings from the leaf up to the root (RFC 6962 §2.1.1). Raises IndexError."""
    leaves[index]
    path: list[bytes] = []
    level = leaves
    while len(level) > 1:
        if (sibling := index ^ 1) < len(level):
            path.append(level[sibling])
        level, index = _above(level), index // 2
    return path


def _above(level: Sequence[bytes]) -> list[bytes]:
    """Return the nodes above; one without a sibling rises as it is, which is how RFC 6962 splits a tree."""
    paired = [node_hash(level[left], level[left + 1]) for left in range(0, len(level) - 1, 2)]
    return [*paired, level[-1]] if len(level) % 2 else paired
