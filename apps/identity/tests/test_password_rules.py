import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.identity.domain.password_rules import weakness

ANN = "ann.smith@ledgerlink.example"


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "twelve chars",
        "5f0c7a528f0e4a6aa1b2",
        "\u00dcberraschend gute W\u00f6rter",
        "kaX9!mPq27zTw4",
        "passwordpassword" + "passwordpassword" + "kaX9!mPq27zTw4vB",
    ],
)
def test_what_is_hard_to_guess_will_do(password: str) -> None:
    assert weakness(password, ANN) is None


@pytest.mark.parametrize(
    "password",
    [
        "password1234",
        "Password123!@#",
        "P@ssw0rd12345",
        "qwertyuiop12",
        "123456789012",
        "aaaaaaaaaaaa",
        "iloveyouforever",
        "trustno1trustno1",
        "letmeinletmein",
        "ledgerlink2026",
        "abcdefghijkl",
        "a" * 128,
        "ann.smith!9Qx-7w",
        "Xy-ANN.SMITH-4711",
    ],
)
def test_what_guessers_try_first_is_refused_with_what_to_change(password: str) -> None:
    advice = weakness(password, ANN)
    assert advice
    assert password not in advice


def test_the_advice_names_the_trouble() -> None:
    assert "very common password" in (weakness("password1234", ANN) or "")
    assert "name of your e-mail address" in (weakness("ann.smith!9Qx-7w", ANN) or "")


def test_a_short_name_may_be_anywhere() -> None:
    assert weakness("correct horse antelope staple", "ant@ledgerlink.example") is None


@given(st.text(min_size=12, max_size=128), st.emails())
def test_any_text_gets_an_answer(password: str, email: str) -> None:
    assert weakness(password, email) != ""


def test_signs_that_may_be_many_letters_do_not_multiply_the_work() -> None:
    """Each reading is tried where they are few; this one would take seconds."""
    assert weakness("4@8({[<3691!|170$5+7%2" * 5, ANN) is None
