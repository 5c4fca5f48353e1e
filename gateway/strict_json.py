"""JSON read strictly: one value for each member, no number that is none, nothing so deep or long that reading it hurts.

RFC 8259 leaves these to the reader; two readers that differ are how a check is passed with one value and another used.
"""

import json
import re
from typing import Any, NoReturn

from gateway.problems import ProblemError

MOST_DEPTH = 32
MOST_DIGITS = 64
_SHOWN = 64
# A string, or a bracket outside of one. An unfinished string goes on to the end, so that no byte is looked at twice.
_TOKENS = re.compile(r'"(?:[^"\\]+|\\.)*+(?:"|\\?\Z)|[\[{\]}]', re.DOTALL)


def read(text: str) -> Any:
    """Return what the text says. Raises ProblemError `malformed_json`; json.JSONDecodeError for what is not JSON."""
    _check_depth(text)
    return json.loads(
        text, object_pairs_hook=_members, parse_constant=_no_number, parse_int=_whole, parse_float=_broken
    )


def _check_depth(text: str) -> None:
    """Refuse deep nesting before the parser, which recurses, sees it."""
    if text.count("[") + text.count("{") <= MOST_DEPTH:
        return
    depth = 0
    for token in _TOKENS.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
                if depth > MOST_DEPTH:
                    raise _malformed(f"Its values are nested more than {MOST_DEPTH} deep.")
            case "]" | "}":
                depth -= 1


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise _malformed(f"The member {repeated[:_SHOWN]!a} is given more than once; give it once.")
    return members


def _no_number(name: str) -> NoReturn:
    raise _malformed(f"{name} is no number in JSON.")


def _whole(digits: str) -> int:
    _check_length(digits)
    return int(digits)


def _broken(digits: str) -> float:
    _check_length(digits)
    number = float(digits)
    if number in {float("inf"), float("-inf")}:
        raise _malformed(f"The number {digits} is too large.")
    return number


def _check_length(digits: str) -> None:
    if len(digits) > MOST_DIGITS:
        raise _malformed(f"The number {digits[:8]}... has more than {MOST_DIGITS} digits.")


def _malformed(detail: str) -> ProblemError:
    return ProblemError("malformed_json", detail)
