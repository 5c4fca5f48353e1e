"""JSON documents that others make: what all our stores can keep, of all that JSON can spell."""

from collections.abc import Mapping
from typing import Annotated, Any

import orjson
from pydantic import AfterValidator


def written(document: Mapping[str, Any]) -> bytes:
    """Return a document as JSON.

    Raises ValueError where it has what no store of ours keeps: whole numbers beyond 64 bits, half a surrogate pair
    (RFC 8259, section 8.2), or the character NUL.
    """
    try:
        made = orjson.dumps(document)
    except TypeError as error:
        raise ValueError(f"not a document that can be kept: {error}") from None
    if b"\\u0000" in made:
        raise ValueError("has the character NUL")
    return made


def _kept(document: dict[str, Any]) -> dict[str, Any]:
    written(document)
    return document


Document = Annotated[dict[str, Any], AfterValidator(_kept)]
