"""How alike two names are: from 0 to 100, whatever the order of their words, with room for typing errors and spellings.

Words are paired, the most alike first (an assignment, not all of them: names have few words). What is left over on one
side costs little, since lists write middle names and patronymics that people leave out; a single shared word is never
enough where a name has others. Names whose words are split otherwise are compared as one string besides.
"""

from itertools import product

from rapidfuzz.distance import Indel

from apps.risk.domain.screening.names import Name, Word, consonants

_LEAST_ALIKE = 0.75
"""Words less alike than this are different words."""
_SAME_SOUND = 0.95
_SAME_CONSONANTS = 0.9
_ANOTHER_VOWEL = 0.7
"""What a vowel of another class costs, in letters."""
_LEAST_LETTERS = 3
"""Shorter words sound like too many others."""
SHORTER_SHARE = 0.75
"""How much the better covered of the two names counts; the other one is the rest."""
_AS_ONE_STRING = 98


def likeness(asked: Name, listed: Name) -> int:
    """Return how alike two names are, 100 for the same words; a name without a letter is like none."""
    if not asked.words or not listed.words:
        return 0
    as_words = round(100 * _by_words(asked, listed))
    return max(as_words, round(_AS_ONE_STRING * _as_strings(asked, listed)))


def _as_strings(asked: Name, listed: Name) -> float:
    cutoff = _LEAST_ALIKE
    in_order = Indel.normalized_similarity(asked.joined, listed.joined, score_cutoff=cutoff)
    return max(in_order, Indel.normalized_similarity(asked.in_order, listed.in_order, score_cutoff=cutoff))


def _by_words(asked: Name, listed: Name) -> float:
    pairs = ((word_likeness(a, b), i, j) for (i, a), (j, b) in product(enumerate(asked.words), enumerate(listed.words)))
    open_asked, open_listed = set(range(len(asked.words))), set(range(len(listed.words)))
    of_asked = of_listed = 0.0
    paired = 0
    for alike, i, j in sorted((pair for pair in pairs if pair[0] >= _LEAST_ALIKE), reverse=True):
        if i in open_asked and j in open_listed:
            open_asked.remove(i)
            open_listed.remove(j)
            of_asked += alike * asked.words[i].weight
            of_listed += alike * listed.words[j].weight
            paired += min(asked.words[i].weight, listed.words[j].weight) > 1
    less, more = sorted((of_asked / asked.weight, of_listed / listed.weight))
    return less if paired <= 1 else SHORTER_SHARE * more + (1 - SHORTER_SHARE) * less


def word_likeness(a: Word, b: Word) -> float:
    """Return how alike two words are, from 0 to 1: as they are written, or as they sound."""
    if a.text == b.text:
        return 1.0
    written: float = Indel.normalized_similarity(a.text, b.text, score_cutoff=_LEAST_ALIKE)
    if min(len(a.text), len(b.text)) < _LEAST_LETTERS:
        return written
    return max(written, _sound_likeness(a, b))


def _sound_likeness(a: Word, b: Word) -> float:
    if a.sound == b.sound:
        return _SAME_SOUND
    if a.rough == b.rough:
        # Yusuf and Yousef, but not Hassan and Hussein.
        others = sum(x != y for x, y in zip(a.sound, b.sound, strict=True))
        return 1 - _ANOTHER_VOWEL * others / len(a.sound)
    if not (a.has_vowels and b.has_vowels):
        bones = consonants(a.rough)
        return _SAME_CONSONANTS if len(bones) >= _LEAST_LETTERS and bones == consonants(b.rough) else 0.0
    return _SAME_SOUND * Indel.normalized_similarity(a.sound, b.sound, score_cutoff=_LEAST_ALIKE)
