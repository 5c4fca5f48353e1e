"""One spelling for names: transliterated, in lower case, in words; and one that spellings of one sound share.

Transliteration is anyascii's (ISC licence): every script has one, character by character, with no dictionary.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

from anyascii import anyascii

MOST_CHARACTERS = 500
MOST_WORDS = 16
LONGEST_WEIGHT = 8
"""A word counts by its letters, up to so many: one long word must not hide that all others differ."""

_APOSTROPHES = re.compile("['`\"\u2018\u2019\u02bb\u02bc\u02be\u02bf]")
_SYLLABLE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_NOT_A_LETTER = re.compile("[^a-z0-9]+")
_SINGLE_LETTERS = re.compile(r"\b(?:[a-z] )+[a-z]\b")
_VOWELS = re.compile("[aeiouy]w?[aeiouyw]*")
_TWICE = re.compile(r"(.)\1+")
_TITLES = frozenset((
    "mr", "mrs", "ms", "miss", "dr", "prof", "sir", "dame", "shaykh", "sheikh", "sheik", "haji",
    "hajji", "mullah", "maulavi", "mawlawi",
))  # fmt: skip
_LEGAL_FORMS = frozenset((
    "ltd", "limited", "llc", "llp", "inc", "incorporated", "corp", "corporation", "co", "company", "plc", "gmbh",
    "ag", "sa", "sas", "sarl", "srl", "spa", "bv", "nv", "oy", "ab", "as", "ooo",
    "oao", "zao", "pao", "ao", "jsc", "pjsc", "ojsc", "cjsc", "fze", "fzc", "fzco", "pvt",
    "pte", "kft", "doo",
))  # fmt: skip
_PARTICLES = frozenset((
    "al", "el", "ul", "ad", "as", "an", "ar", "at", "ash", "bin", "ben", "ibn",
    "bint", "bte", "de", "da", "di", "do", "dos", "du", "la", "le", "van", "von",
    "der", "den", "y", "e", "of", "and", "the",
))  # fmt: skip
_SOUNDS = (
    ("shch", "s"), ("tsch", "C"), ("sch", "s"), ("tch", "C"), ("dzh", "j"), ("sh", "s"), ("ch", "C"), ("kh", "h"),
    ("gh", "g"), ("zh", "z"), ("ph", "f"), ("th", "t"), ("dh", "d"), ("dj", "j"), ("ck", "k"), ("ks", "x"),
    ("c", "k"), ("q", "k"),
)  # fmt: skip
"""Letters that transliterations write one for the other, longest first."""
_ANY_VOWEL = str.maketrans("uai", "aaa")


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a name: as it is written, how it sounds, how it sounds with one vowel for all, how much it counts."""

    text: str
    sound: str
    rough: str
    weight: int

    @property
    def has_vowels(self) -> bool:
        """Whether any vowel is written; scripts such as Arabic and Hebrew mostly write none."""
        return "a" in self.rough


@dataclass(frozen=True, slots=True)
class Name:
    """A name in one spelling: its words, how much they count, its letters, and these with the words in their order."""

    words: tuple[Word, ...]
    weight: int
    joined: str
    in_order: str

    @classmethod
    def of(cls, name: str) -> "Name":
        """Read a name in any script; titles and legal forms do not count, unless there is nothing else."""
        texts = _texts(name[:MOST_CHARACTERS])[:MOST_WORDS]
        words = tuple(_word(text) for text in texts)
        return cls(words, sum(word.weight for word in words), "".join(texts), "".join(sorted(texts)))


def sound_of(text: str) -> str:
    """Return what spellings of one sound share: three vowels (u, a, i), no double letters, no h at the end."""
    for written, heard in _SOUNDS:
        text = text.replace(written, heard)
    text = _TWICE.sub(r"\1", _VOWELS.sub(_vowel, text).replace("w", "v"))
    return text[:-1] if len(text) > 2 and text.endswith("h") else text  # noqa: PLR2004 - more than Ah


def rough(sound: str) -> str:
    """Return a sound with one vowel for all."""
    return sound.translate(_ANY_VOWEL)


def consonants(sound: str) -> str:
    """Return a sound without its vowels."""
    return rough(sound).replace("a", "")


def _vowel(group: re.Match[str]) -> str:
    vowels = group[0]
    if "u" in vowels or "o" in vowels:
        return "u"
    return "a" if "a" in vowels else "i"


def _texts(name: str) -> list[str]:
    composed = unicodedata.normalize("NFKC", name)
    ascii_name = anyascii(_APOSTROPHES.sub("", composed))
    if not composed.isascii():
        # Scripts whose characters are syllables come out as one word with capitals: XiJinPing.
        ascii_name = _SYLLABLE.sub(" ", ascii_name)
    plain = _NOT_A_LETTER.sub(" ", _APOSTROPHES.sub("", ascii_name).lower()).strip()
    texts = _SINGLE_LETTERS.sub(lambda letters: letters[0].replace(" ", ""), plain).split()
    return [text for text in texts if text not in _TITLES and text not in _LEGAL_FORMS] or texts


@lru_cache(maxsize=50_000)
def _word(text: str) -> Word:
    sound = sound_of(text)
    return Word(text, sound, rough(sound), 1 if text in _PARTICLES else min(len(text), LONGEST_WEIGHT))
