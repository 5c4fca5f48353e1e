"""The words of a rule: the part of CEL's lexis in which every reader of CEL sees the same.

Left out: escapes in texts, raw and triple-quoted texts, bytes, unsigned and hexadecimal numbers, null
(CEL language definition, Syntax).
"""

import re
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise

from apps.risk.domain.rule_sets.errors import error_at

LITERAL_BYTES = 200
"""The longest text in a rule, in UTF-8."""


class Kind(Enum):
    """What sort of word it is."""

    NAME = "name"
    INT = "int"
    DOUBLE = "double"
    TEXT = "text"
    SIGN = "sign"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """A word, and how many characters into the source it starts; a text is without its quotes."""

    kind: Kind
    text: str
    offset: int


_WORDS = re.compile(
    r"(?P<space>[ \t\r\n]+|//[^\n]*)"
    r"|(?P<double>[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)"
    r"|(?P<int>[0-9]+)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<text>'[^'\n]*'|\"[^\"\n]*\")"
    r"|(?P<sign>&&|\|\||[<>=!]=|[-+*/%<>!?:(),.\[\]{}])"
)
_TEXT_PREFIXES = frozenset({"r", "b", "br", "rb"})
_KINDS = {kind.value: kind for kind in Kind}


def tokenize(source: str) -> list[Token]:
    """Return the words of the source, and an end. Raises RuleError at the first character that starts none."""
    tokens: list[Token] = []
    offset = 0
    while offset < len(source):
        match = _WORDS.match(source, offset)
        if match is None:
            raise error_at(source, offset, _why_no_word(source[offset]))
        if match.lastgroup != "space":
            tokens.append(_token(source, match))
        offset = match.end()
    tokens.append(Token(Kind.END, "", len(source)))
    _check_neighbours(source, tokens)
    return tokens


def _token(source: str, match: re.Match[str]) -> Token:
    kind, text, offset = _KINDS[match.lastgroup or ""], match.group(), match.start()
    if kind is not Kind.TEXT:
        return Token(kind, text, offset)
    inner = text[1:-1]
    if "\\" in inner:
        raise error_at(source, offset + text.index("\\"), "a text has no escapes: write the character itself")
    if not inner.isprintable():
        raise error_at(source, offset, "a text has only characters that can be seen")
    if len(inner.encode()) > LITERAL_BYTES:
        raise error_at(source, offset, f"a text has at most {LITERAL_BYTES} bytes")
    return Token(kind, inner, offset)


def _check_neighbours(source: str, tokens: list[Token]) -> None:
    """Refuse words that touch: r'text', 10u, 0x10 and 'a''b' mean something else to CEL, or nothing."""
    for token, after in pairwise(tokens):
        length = len(token.text) + (2 if token.kind is Kind.TEXT else 0)
        if Kind.SIGN in {token.kind, after.kind} or after.kind is Kind.END or token.offset + length < after.offset:
            continue
        if token.kind is Kind.NAME and token.text.lower() in _TEXT_PREFIXES:
            raise error_at(source, token.offset, "a text has no prefix, and bytes have no place in a rule")
        raise error_at(source, after.offset, f"{_shown(after)} follows without a space")


def _shown(token: Token) -> str:
    return f"'{token.text}'" if token.kind is Kind.TEXT else token.text


def _why_no_word(character: str) -> str:
    match character:
        case "'" | '"':
            return "the text that starts here does not end on this line"
        case "&":
            return "'and' is written &&"
        case "|":
            return "'or' is written ||"
        case "=":
            return "'equals' is written =="
        case _:
            return f"{character!a} has no meaning here"
