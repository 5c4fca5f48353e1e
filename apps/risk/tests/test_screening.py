"""Who is like somebody on a list: spellings, scripts, orders, typing errors; and who is not."""

import random
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.risk.domain.screening.birth_dates import BirthDate, speaks
from apps.risk.domain.screening.index import MOST_MATCHES, PartyIndex
from apps.risk.domain.screening.likeness import likeness
from apps.risk.domain.screening.names import Name
from apps.risk.domain.screening.parties import ListedParty, Screened
from contracts.risk import PartyKind, SanctionsSource

THRESHOLD = 85
LISTED = (
    "Mohammed Hassan al-Exemplari", "Vladimir Vladimirovich Primerov", "Kim Yong Chol", "Abdul Rahman Sampleh",
    "Aleksandr Grigoryevich Obraztsov", "Juan Carlos Muestra Gutiérrez", "Zawahir Mustafa Beispiel",
    "Yevgeny Viktorovich Examplin", "Khalid Yusuf Numuna", "Sergei Ivanovich Dolgoruchenko",
)  # fmt: skip
COMMON = (
    "John Smith", "Mary Johnson", "Peter Müller", "Anna Schmidt", "José García", "Maria Fernández", "Giulia Rossi",
    "Luca Bianchi", "Jean Dupont", "Camille Martin", "Lars Hansen", "Ingrid Larsen", "Wei Zhang", "Yuki Tanaka",
    "Priya Sharma", "Amit Patel", "Fatima Nasser", "Ahmed Ibrahim", "Olga Kuznetsova", "Ivan Petrov", "David Miller",
    "Sarah O'Connor", "Emma van den Berg", "Piotr Nowak", "Katarzyna Kowalska", "Nguyen Van Anh", "Mehmet Yilmaz",
    "Elif Demir", "Kwame Mensah", "Chinedu Okafor", "Miguel Santos", "Beatriz Oliveira", "Andrew Wilson", "Grace Lee",
)  # fmt: skip
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def party(*names: str, reference: str = "1", kind: PartyKind = PartyKind.PERSON, **facts: object) -> ListedParty:
    return ListedParty(SanctionsSource.UN, reference, kind, names, **facts)  # type: ignore[arg-type]


INDEX = PartyIndex(party(name, reference=str(number)) for number, name in enumerate(LISTED))


def matches(name: str, *listed: ListedParty, **known: object) -> list[tuple[str, int]]:
    index = PartyIndex(listed) if listed else INDEX
    found = index.screen(Screened(name, **known), THRESHOLD)  # type: ignore[arg-type]
    return [(match.listed_name, match.score) for match in found]


@given(st.sampled_from(LISTED), st.randoms(use_true_random=False))
def test_the_order_of_words_makes_no_difference(name: str, chance: random.Random) -> None:
    words = name.replace("-", " ").split()
    chance.shuffle(words)
    assert matches(" ".join(words).upper())[0] == (name, 100)


@given(st.sampled_from([name for name in LISTED if any(len(word) >= 5 for word in name.split())]), st.data())
@settings(max_examples=200)
def test_a_typing_error_in_a_word_makes_no_difference(name: str, data: st.DataObject) -> None:
    words = name.lower().replace("-", " ").split()
    place = data.draw(st.sampled_from([n for n, word in enumerate(words) if len(word) >= 5]))
    words[place] = data.draw(_mistyped(words[place]))
    assert name in [listed for listed, _ in matches(" ".join(words))], words


@st.composite
def _mistyped(draw: st.DrawFn, word: str) -> str:
    at = draw(st.integers(1, len(word) - 2))
    kind = draw(st.sampled_from(["left out", "put in", "another", "swapped"]))
    letter = draw(st.sampled_from(LETTERS))
    match kind:
        case "left out":
            return word[:at] + word[at + 1 :]
        case "put in":
            return word[:at] + letter + word[at:]
        case "another":
            return word[:at] + letter + word[at + 1 :]
        case _:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]


@pytest.mark.parametrize(("asked", "listed"), [
    ("Muhammad Hasan Exemplary", LISTED[0]),
    ("Mohamed Hassan Exemplari", LISTED[0]),
    ("محمد حسن Exemplari", LISTED[0]),
    ("Владимир Примеров", LISTED[1]),
    ("Wladimir Wladimirowitsch Primerow", LISTED[1]),
    ("Primerov, Vladimir", LISTED[1]),
    ("Kim Yongchol", LISTED[2]),
    ("KIM Yŏng-ch'ŏl", LISTED[2]),
    ("Abdulrahman Sample", LISTED[3]),
    ("Abdelrahman Sampleh", LISTED[3]),
    ("Alexander Grigorievich Obraztsov", LISTED[4]),
    ("Александр Образцов", LISTED[4]),
    ("Juan Muestra Gutierrez", LISTED[5]),
    ("Dr. Zauahir Moustafa Beispiel", LISTED[6]),
    ("Evgeniy Examplin", LISTED[7]),
    ("Евгений Викторович Экзамплин", LISTED[7]),
    ("Khaled Youssef Numuna", LISTED[8]),
    ("Chalid Jusuf Numuna", LISTED[8]),
    ("Сергей Долгорученко", LISTED[9]),
    ("Serguei Dolgorutchenko", LISTED[9]),
])  # fmt: skip
def test_spellings_and_scripts_are_the_same_name(asked: str, listed: str) -> None:
    assert listed in [name for name, _ in matches(asked)], INDEX.screen(Screened(asked), 0)


@pytest.mark.parametrize("name", COMMON)
def test_common_names_are_like_nobody(name: str) -> None:
    assert matches(name) == []


@given(st.sampled_from(COMMON), st.sampled_from(COMMON))
def test_common_names_are_not_like_each_other(one: str, other: str) -> None:
    alike = likeness(Name.of(one), Name.of(other))
    assert alike == 100 if one == other else alike < THRESHOLD


@given(st.text(max_size=60), st.text(max_size=60))
def test_likeness_is_a_number_whatever_is_written(one: str, other: str) -> None:
    first, second = Name.of(one), Name.of(other)
    assert 0 <= likeness(first, second) <= 100
    assert likeness(first, second) == likeness(second, first)
    assert likeness(first, first) == (100 if first.words else 0)
    assert isinstance(matches(one), list)


def test_one_word_in_common_is_not_enough() -> None:
    hamas_like = party("EXEMPLAS", kind=PartyKind.ORGANISATION)
    assert matches("Exemplas", hamas_like) == [("EXEMPLAS", 100)]
    assert matches("Exemplas Khan", hamas_like) == []
    assert matches("Ali", party("Ali Hassan Exemplari")) == []


def test_hassan_is_not_hussein_but_yusuf_is_youssef() -> None:
    assert matches("Karim Hassan", party("Karim Hussein")) == []
    assert matches("Karim Yusuf", party("Karim Youssef")) != []


def test_legal_forms_and_titles_do_not_count() -> None:
    company = party("SAMPLE MARITIME TRADING LLC", kind=PartyKind.ORGANISATION)
    assert matches("Sample Maritime Trading Co., Ltd.", company) == [("SAMPLE MARITIME TRADING LLC", 100)]
    assert matches("Northern Maritime Trading LLC", company) == []


def test_birth_dates_speak_for_and_against() -> None:
    born = (BirthDate.read("1963-07-28"), BirthDate.read("1971/1973"))
    listed = party("Dmitri Exemplarov", birth_dates=born)
    assert matches("Dmitriy Exemplarow", listed, birth_date=date(1963, 7, 28)) == [("Dmitri Exemplarov", 97)]
    assert matches("Dmitri Exemplarov", listed, birth_date=date(1972, 1, 1)) == [("Dmitri Exemplarov", 100)]
    assert matches("Dmitri Exemplarov", listed, birth_date=date(1990, 7, 28)) == []
    assert matches("Dmitri Exemplarov", party("Dmitri Exemplarov"), birth_date=date(1990, 7, 28)) != []


@pytest.mark.parametrize(("asked", "listed", "said"), [
    (None, "1963", 0),
    (date(1963, 7, 28), "1963-07-28", 5),
    (date(1963, 7, 28), "1963", 3),
    (date(1963, 7, 5), "1963-05-07", 3),
    (date(1963, 1, 2), "1963-07-28", -5),
    (date(1964, 7, 28), "1963", -5),
    (date(1962, 1, 1), "1960/1965", 3),
    (date(1990, 7, 28), "1963-07-28", -20),
])  # fmt: skip
def test_what_birth_dates_say(asked: date | None, listed: str, said: int) -> None:
    assert speaks(asked, [BirthDate.read(listed)]) == said


def test_weak_aliases_and_other_kinds_count_less() -> None:
    listed = party("Dmitri Exemplarov", weak_names=("Night Sampler",))
    assert matches("Night Sampler", listed) == [("Night Sampler", 92)]
    assert matches("Nacht Semplir", listed) == []
    assert matches("Dmitri Exemplarov", listed, kind=PartyKind.ORGANISATION) == [("Dmitri Exemplarov", 90)]


def test_a_party_matches_once_by_the_name_that_is_most_alike() -> None:
    listed = party("Dmitri Exemplarov", "Dmitriy Exemplarow", "Dimitri Ekzemplarov")
    assert matches("dmitriy exemplarow", listed) == [("Dmitriy Exemplarow", 100)]


def test_matches_are_bounded() -> None:
    many = [party("Karim Exemplari", reference=str(number)) for number in range(500)]
    assert len(matches("Karim Exemplari", *many)) == MOST_MATCHES


def test_a_party_is_another_one_when_what_it_is_judged_by_changes() -> None:
    listed = party("A B", "C D", programs=("X",))
    assert listed.hash == party("A B", "C D", programs=("Y",)).hash
    assert listed.hash != party("A B", programs=("X",)).hash
    assert listed.hash != party("A B", "C D", birth_dates=(BirthDate.about(1960),)).hash
