"""Amounts as people read them."""

# ISO 4217: the currencies whose minor unit is not a hundredth.
_NO_MINOR_UNIT = frozenset({
    "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF",
    "XPF",
})  # fmt: skip
_THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})


def told(amount: int, currency: str) -> str:
    """Return an amount of minor units in major ones, as in `12.50 EUR`."""
    if currency in _NO_MINOR_UNIT:
        return f"{amount} {currency}"
    digits = 3 if currency in _THOUSANDTHS else 2
    major, minor = divmod(amount, 10**digits)
    return f"{major}.{minor:0{digits}} {currency}"
