"""Which form of a statement is asked for: by `format`, or else by the Accept header (RFC 9110 §12.5.1)."""

from enum import StrEnum

from gateway.account_statements import csv_form, pdf_form
from gateway.problems import ProblemError


class Form(StrEnum):
    """The forms of a statement; the first is the one for who has no preference."""

    JSON = "json"
    CSV = "csv"
    PDF = "pdf"


_MEDIA = {Form.JSON: "application/json", Form.CSV: csv_form.MEDIA_TYPE, Form.PDF: pdf_form.MEDIA_TYPE}
NOT_ACCEPTABLE = "A statement comes as application/json, text/csv or application/pdf; accept one, or say `format`."


def form_asked_for(form: Form | None, accept: str | None) -> Form:
    """Return the form. Raises ProblemError `not_acceptable` when the Accept header allows none of them."""
    if form is not None or not accept:
        return form or Form.JSON
    ranges = [_range(part) for part in accept.split(",")]
    chosen = max(Form, key=lambda f: _quality(_MEDIA[f], ranges))  # the first of equals
    if _quality(_MEDIA[chosen], ranges) <= 0:
        raise ProblemError("not_acceptable", NOT_ACCEPTABLE, parameter="Accept")
    return chosen


def _range(part: str) -> tuple[str, float]:
    """Return a media range of the header and its weight; one that cannot be read weighs nothing."""
    media, *parameters = (piece.strip().lower() for piece in part.split(";"))
    weight = next((p.removeprefix("q=") for p in parameters if p.startswith("q=")), "1")
    try:
        return media, float(weight)
    except ValueError:
        return media, 0.0


def _quality(media: str, ranges: list[tuple[str, float]]) -> float:
    """Return the weight of the most specific range that fits."""
    weights = dict(reversed(ranges))
    for fitting in (media, f"{media.partition('/')[0]}/*", "*/*"):
        if fitting in weights:
            return weights[fitting]
    return 0.0
