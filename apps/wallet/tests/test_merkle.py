"""Merkle trees: as RFC 6962 defines them, and every leaf of every tree has a path that proves it and nothing else."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.wallet.domain.merkle import inclusion_path, root_of, split_leaves
from contracts.proof import node_hash, root_of_path

LEAVES = [hashlib.sha256(b"\x00" + bytes([n % 256, n // 256])).digest() for n in range(700)]


def _by_definition(leaves: list[bytes]) -> bytes:
    """RFC 6962 §2.1, word for word: split at the largest power of two smaller than n."""
    if len(leaves) == 1:
        return leaves[0]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return node_hash(_by_definition(leaves[:split]), _by_definition(leaves[split:]))


def test_the_root_is_that_of_the_standard() -> None:
    for size in range(1, 300):
        assert root_of(LEAVES[:size]) == _by_definition(LEAVES[:size])


def test_the_hashes_of_the_standard() -> None:
    """The tree of RFC 6962's reference implementation: eight leaves that everybody tests with."""
    data = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    leaves = [hashlib.sha256(b"\x00" + bytes.fromhex(d)).digest() for d in data]
    assert root_of(leaves).hex() == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert root_of(leaves[:3]).hex() == "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"


@pytest.mark.parametrize("size", [*range(1, 40), 64, 65, 127, 255, 256, 257, 699])
def test_every_leaf_has_its_path(size: int) -> None:
    leaves = LEAVES[:size]
    root = root_of(leaves)
    for index, leaf in enumerate(leaves):
        path = inclusion_path(leaves, index)
        assert root_of_path(leaf, index, size, path) == root
        assert len(path) <= (size - 1).bit_length()


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_is_changed_leads_elsewhere(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, 600))
    index = data.draw(st.integers(0, size - 1))
    leaves = LEAVES[:size]
    root, path = root_of(leaves), inclusion_path(leaves, index)
    node, bit = data.draw(st.integers(-1, len(path) - 1)), data.draw(st.integers(0, 255))
    flipped = [leaves[index], *path]
    flipped[node + 1] = (int.from_bytes(flipped[node + 1]) ^ (1 << bit)).to_bytes(32)
    assert root_of_path(flipped[0], index, size, flipped[1:]) != root
    elsewhere = data.draw(st.integers(0, size - 1).filter(lambda i: i != index))
    assert root_of_path(leaves[index], elsewhere, size, path) != root
    assert root_of_path(leaves[index], index, size, path[:-1]) != root
    assert root_of_path(leaves[index], index, size, [*path, root]) != root


def test_there_is_no_path_of_a_leaf_that_is_not_there() -> None:
    with pytest.raises(IndexError):
        inclusion_path(LEAVES[:3], 3)


def test_leaves_are_split_as_they_were_joined() -> None:
    assert split_leaves(b"".join(LEAVES[:5])) == LEAVES[:5]
