"""Who on the lists is like somebody: an index in memory of the sounds of all words, with one letter left out each.

Two words that differ by one letter (typed otherwise, left out, put in) share a key; so all listed names that could
reach the threshold are found by look-ups, however many parties there are, and only those are compared.
"""

from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from itertools import pairwise

from apps.risk.domain.screening.birth_dates import speaks
from apps.risk.domain.screening.likeness import SHORTER_SHARE, likeness
from apps.risk.domain.screening.names import Name, Word, consonants, rough, sound_of
from apps.risk.domain.screening.parties import ListedParty, Match, PartyKey, Screened

MOST_COMPARED = 400
"""Names that are compared with one, those that share most with it."""
MOST_MATCHES = 20
"""Matches that are told of one name, the best."""
_LEAST_SHARED = 0.65
"""The least likeness by the words that were found alone; names that have less of them in common are not compared."""
_LEAST_LETTERS, _LEAST_CONSONANTS, _PAIR = 4, 3, 2
"""Shorter sounds are looked up as they are."""
_WEAK_ALIAS = -8
_ANOTHER_KIND = -10
_AS_WRITTEN, _WITHOUT_VOWELS, _NEVER_HAD_VOWELS = "=", "#", "%"


@dataclass(frozen=True, slots=True)
class _ListedName:
    party: ListedParty
    written: str
    name: Name
    weak: bool


class PartyIndex:
    """All listed parties; never changed, so that a new list is a new index."""

    def __init__(self, parties: Iterable[ListedParty]) -> None:
        self._names: list[_ListedName] = []
        words: defaultdict[Word, array[int]] = defaultdict(_places)
        joined: defaultdict[str, array[int]] = defaultdict(_places)
        self._named: dict[tuple[str, str], range] = {}
        for party in parties:
            begin = len(self._names)
            for listed in _names_of(party):
                place = len(self._names)
                self._names.append(listed)
                for word in listed.name.words:
                    words[word].append(place)
                for text in _joined(listed.name):
                    joined[rough(sound_of(text))].append(place)
            self._named[party.source, party.reference] = range(begin, len(self._names))
        self._places = [*words.values(), *joined.values()]
        self._keys = _by_keys(words, joined)

    @property
    def parties(self) -> int:
        """How many parties there are."""
        return len(self._named)

    @property
    def names(self) -> int:
        """How many names they have."""
        return len(self._names)

    def screen(self, asked: Screened, threshold: int) -> list[Match]:
        """Return the parties that somebody is like, the best first, each by the name that is most like theirs."""
        name = Name.of(asked.name)
        best: dict[tuple[str, str], Match] = {}
        for place in self._candidates(name):
            listed = self._names[place]
            score = _score(asked, name, listed)
            known = best.get((listed.party.source, listed.party.reference))
            if score >= threshold and (known is None or known.score < score):
                best[listed.party.source, listed.party.reference] = Match(listed.party, listed.written, score)
        ranked = sorted(best.values(), key=lambda m: (-m.score, m.party.source, m.party.reference))
        return ranked[:MOST_MATCHES]

    def is_like(self, asked: Screened, party: PartyKey, threshold: int) -> bool:
        """Tell whether somebody is like a party as it was then, also where they are more like many others."""
        name = Name.of(asked.name)
        theirs = (self._names[place] for place in self._named.get((party.source, party.reference), ()))
        return any(listed.party.hash == party.hash and _score(asked, name, listed) >= threshold for listed in theirs)

    def _candidates(self, name: Name) -> Sequence[int]:
        """Return the listed names that share enough with this one, those that share most first."""
        shared: dict[int, int] = {}
        for keys, weight in _looked_up(name):
            places: set[int] = set()
            for key in keys:
                for found in self._keys.get(hash(key), ()):
                    places.update(self._places[found])
            for place in places:
                shared[place] = shared.get(place, 0) + weight
        enough = []
        for place, weight in shared.items():
            less, more = sorted((name.weight, self._names[place].name.weight))
            share = SHORTER_SHARE * min(1.0, weight / less) + (1 - SHORTER_SHARE) * min(1.0, weight / more)
            if share >= _LEAST_SHARED:
                enough.append((-share, place))
        return [place for _, place in nsmallest(MOST_COMPARED, enough)]


def _score(asked: Screened, name: Name, listed: _ListedName) -> int:
    score = likeness(name, listed.name)
    if score == 0:
        return 0
    score += speaks(asked.birth_date, listed.party.birth_dates)
    score += _WEAK_ALIAS if listed.weak else 0
    score += _ANOTHER_KIND if asked.kind and asked.kind is not listed.party.kind else 0
    return max(0, min(100, score))


def _names_of(party: ListedParty) -> Iterator[_ListedName]:
    for written in party.names:
        yield _ListedName(party, written, Name.of(written), weak=False)
    for written in party.weak_names:
        yield _ListedName(party, written, Name.of(written), weak=True)


def _joined(name: Name) -> Iterator[str]:
    """Return neighbours written as one word, as in Binladin and Bin Ladin, and the whole name."""
    for left, right in pairwise(name.words):
        yield left.text + right.text
    if len(name.words) > _PAIR:
        yield name.joined


def _looked_up(name: Name) -> Iterator[tuple[set[str], int]]:
    """Return the keys to look for, of what, and how much that counts."""
    for word in name.words:
        yield _keys_asked(word), word.weight
    for left, right in pairwise(name.words):
        yield {rough(sound_of(left.text + right.text))}, left.weight + right.weight
    if len(name.words) > _PAIR:
        yield {rough(sound_of(name.joined))}, name.weight


def _places() -> "array[int]":
    return array("I")


def _by_keys(words: Iterable[Word], joined: Iterable[str]) -> dict[int, tuple[int, ...]]:
    """Return where to look by the hash of a key: two keys of one hash cost a comparison in vain, and save memory."""
    keys: dict[int, tuple[int, ...]] = {}
    number = 0
    for word in words:
        for key in _keys_listed(word):
            keys[hash(key)] = (*keys.get(hash(key), ()), number)
        number += 1
    for sound in joined:
        keys[hash(sound)] = (*keys.get(hash(sound), ()), number)
        number += 1
    return keys


def _keys_listed(word: Word) -> set[str]:
    return _keys(word, every=_WITHOUT_VOWELS, vowelless=_NEVER_HAD_VOWELS)


def _keys_asked(word: Word) -> set[str]:
    return _keys(word, every=_NEVER_HAD_VOWELS, vowelless=_WITHOUT_VOWELS)


def _keys(word: Word, every: str, vowelless: str) -> set[str]:
    """Return the keys of a word: how it sounds, its consonants where one was written without vowels, and its letters.

    Letters too, since one that is left out between vowels changes the sound more than by itself.
    """
    keys = _one_left_out(word.rough)
    keys.update(_AS_WRITTEN + text for text in _one_left_out(word.text))
    bones = consonants(word.sound)
    if len(bones) >= _LEAST_CONSONANTS:
        keys.add(every + bones)
        if not word.has_vowels:
            keys.add(vowelless + bones)
    return keys


def _one_left_out(text: str) -> set[str]:
    if len(text) < _LEAST_LETTERS:
        return {text}
    return {text, *(text[:place] + text[place + 1 :] for place in range(len(text)))}
