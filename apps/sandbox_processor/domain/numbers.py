"""Card numbers and IBANs: their check digits."""

_LONGEST_CARD, _SHORTEST_CARD = 19, 12
_LONGEST_IBAN, _SHORTEST_IBAN = 34, 15


def is_card_number(number: str) -> bool:
    """Say whether the Luhn digit is right (ISO/IEC 7812-1 Annex B)."""
    if not (number.isascii() and number.isdigit() and _SHORTEST_CARD <= len(number) <= _LONGEST_CARD):
        return False
    digits = [int(digit) for digit in reversed(number)]
    return (sum(digits[::2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[1::2])) % 10 == 0


def is_iban(iban: str) -> bool:
    """Say whether the check digits are right (ISO 13616: 97 divides it, but for 1)."""
    if not (iban.isascii() and iban.isalnum() and _SHORTEST_IBAN <= len(iban) <= _LONGEST_IBAN):
        return False
    return int("".join(str(int(sign, 36)) for sign in iban[4:] + iban[:4])) % 97 == 1
