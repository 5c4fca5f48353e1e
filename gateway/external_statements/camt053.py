"""Bank-to-customer statements: ISO 20022 camt.053.001.02 to .13, one statement in a document.

Booked entries only. An entry with several transactions is a line each, if they have amounts that add up to it. Read
element by element with expat, so that memory does not grow with the file; a document with a DOCTYPE is refused, and
with it every trick that XML entities can do.
"""

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from xml.parsers import expat

from contracts.money import minor_unit_exponents
from contracts.wallet import ExternalLine
from gateway.external_statements.reading import Facts, LineMaker, StatementError, read_amount, read_date, shown

_NAMESPACE = re.compile(r"urn:iso:std:iso:20022:tech:xsd:camt\.053\.001\.(0[2-9]|1[0-3])")
_DEPTH, _TEXT_LENGTH, _TRANSACTIONS = 40, 4_000, 100_000
_STATEMENT = "Document/BkToCstmrStmt/Stmt"
_DETAILS = "Ntry/NtryDtls/TxDtls"
_SIGNS = {"CRDT": 1, "DBIT": -1}
_OPENING, _CLOSING = ("OPBD", "PRCD"), ("CLBD",)
_NO_REFERENCE = frozenset({"NOTPROVIDED", "NONREF", ""})
_REFERENCES = ("Refs/EndToEndId", "RmtInf/Strd/CdtrRefInf/Ref", "Refs/TxId", "Refs/InstrId", "Refs/PmtInfId")

Texts = dict[str, str]


@dataclass
class _Item:
    """A balance, an entry or a transaction: the texts of its elements by path, repeated ones joined."""

    texts: Texts = field(default_factory=dict)

    def add(self, path: str, text: str) -> None:
        before = self.texts.get(path)
        self.texts[path] = text if before is None else f"{before} {text}"[:_TEXT_LENGTH]

    def first(self, *paths: str) -> str | None:
        return next((self.texts[p] for p in paths if self.texts.get(p, "") not in _NO_REFERENCE), None)


class Camt053Reader:
    """Reads one statement. `given` overrides what it says of its name and period."""

    def __init__(self, name: str | None = None, starts_on: date | None = None, ends_on: date | None = None) -> None:
        self.facts: Facts | None = None
        self._given = name, starts_on, ends_on
        self._path: list[str] = []
        self._text: list[str] = []
        self._size = 0
        self._head = _Item()
        self._balances: dict[str, _Item] = {}
        self._item = self._head
        self._entry = _Item()
        self._transactions: list[_Item] = []
        self._statements = 0
        self._made: list[ExternalLine] = []
        self._lines: LineMaker | None = None
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse_doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters

    def feed(self, piece: bytes) -> list[ExternalLine]:
        """Return the lines that are complete now. Raises StatementError."""
        return self._parse(piece, final=False)

    def close(self) -> list[ExternalLine]:
        """Return what came last. Raises StatementError."""
        lines = self._parse(b"", final=True)
        if not self._statements:
            raise StatementError("the document has no statement", place="Stmt")
        return lines

    def _parse(self, piece: bytes, *, final: bool) -> list[ExternalLine]:
        try:
            self._parser.Parse(piece, final)
        except expat.ExpatError as error:
            raise StatementError(f"it is not XML: {expat.ErrorString(error.code)}", error.lineno) from None
        except StatementError as error:
            raise StatementError(error.detail, error.line or self._parser.CurrentLineNumber, error.place) from None
        made, self._made = self._made, []
        return made

    def _refuse_doctype(self, *_: object) -> None:
        raise StatementError("a statement has no DOCTYPE")

    def _start(self, name: str, attributes: Texts) -> None:
        namespace, _, local = name.rpartition(" ")
        if not self._path and not (local == "Document" and _NAMESPACE.fullmatch(namespace)):
            raise StatementError(f"it is {shown(namespace)}, not camt.053.001.02 to .13", place=local)
        self._path.append(local)
        if len(self._path) > _DEPTH:
            raise StatementError("its elements are nested too deeply")
        self._text.clear()
        self._size = 0
        inside = self._inside()
        if inside == "":
            self._statements += 1
            if self._statements > 1:
                raise StatementError("the document has more than one statement; upload each by itself", place="Stmt")
        elif inside == "Bal":
            self._item = _Item()
        elif inside == "Ntry":
            self._find_facts()
            self._item = self._entry = _Item()
            self._transactions = []
        elif inside == _DETAILS:
            self._item = _Item()
        if "Ccy" in attributes and inside is not None:
            self._item.add(f"{self._within(inside)}@Ccy", attributes["Ccy"])

    def _characters(self, text: str) -> None:
        self._size += len(text)
        if self._size > _TEXT_LENGTH:
            raise StatementError("a text is too long", place=self._path[-1])
        self._text.append(text)

    def _end(self, _name: str) -> None:
        inside = self._inside()
        text = "".join(self._text).strip()
        self._text.clear()
        self._size = 0
        if inside is not None:
            if text:
                self._item.add(self._within(inside), text)
            self._complete(inside)
        self._path.pop()

    def _inside(self) -> str | None:
        """Return the path within the statement, None outside of it."""
        path = "/".join(self._path)
        if not path.startswith(_STATEMENT):
            return None
        return path[len(_STATEMENT) + 1 :]

    def _within(self, inside: str) -> str:
        """Return the path within the balance, entry or transaction that is being read."""
        for item in (_DETAILS, "Ntry", "Bal"):
            if inside.startswith(f"{item}/"):
                return inside[len(item) + 1 :]
        return inside

    def _complete(self, inside: str) -> None:
        if inside == "Bal":
            self._balances[self._item.first("Tp/CdOrPrtry/Cd") or ""] = self._item
            self._item = self._head
        elif inside == _DETAILS:
            self._transactions.append(self._item)
            self._item = self._entry
            if len(self._transactions) > _TRANSACTIONS:
                raise StatementError("an entry has too many transactions", place="TxDtls")
        elif inside == "Ntry":
            self._add_lines()
            self._item = self._head
        elif inside == "":
            self._find_facts()

    def _find_facts(self) -> None:
        """Gather what the statement says of itself; its balances stand before its first entry."""
        if self.facts is not None:
            return
        opening, closing = self._balance(_OPENING), self._balance(_CLOSING)
        currency = opening.first("Amt@Ccy") or ""
        if currency not in minor_unit_exponents():
            raise StatementError(f"{shown(currency)} is not an ISO 4217 currency", place="Bal/Amt")
        name, starts_on, ends_on = self._given
        self.facts = Facts(
            name=(name or self._head.first("Id") or "statement")[:140],
            currency=currency,
            starts_on=starts_on or self._first_day(opening),
            ends_on=ends_on or self._last_day(closing),
            opening=_amount(opening, currency, "Bal"),
            closing=_amount(closing, currency, "Bal"),
        )
        self._lines = LineMaker(self.facts)

    def _balance(self, codes: tuple[str, ...]) -> _Item:
        found = next((self._balances[code] for code in codes if code in self._balances), None)
        if found is None:
            raise StatementError(f"the statement has no {' or '.join(codes)} balance", place="Bal")
        return found

    def _first_day(self, opening: _Item) -> date:
        said = self._head.first("FrToDt/FrDtTm", "FrToDt/FrDt")
        if said:
            return read_date(said[:10])
        # What was closed one day is open on the next.
        later = timedelta(days=1 if opening.first("Tp/CdOrPrtry/Cd") == "PRCD" else 0)
        return _day(opening, "Dt", "Bal") + later

    def _last_day(self, closing: _Item) -> date:
        said = self._head.first("FrToDt/ToDtTm", "FrToDt/ToDt")
        if not said:
            return _day(closing, "Dt", "Bal")
        return read_date(said[:10]) - timedelta(days=1 if said[10:19] == "T00:00:00" else 0)

    def _add_lines(self) -> None:
        if self._entry.first("Sts/Cd", "Sts") != "BOOK":
            return
        if self.facts is None or self._lines is None:
            raise StatementError("an entry stands before the balances", place="Ntry")
        booked_on = _day(self._entry, "BookgDt" if _has_day(self._entry, "BookgDt") else "ValDt", "Ntry")
        amount = _amount(self._entry, self.facts.currency, "Ntry")
        for item, part in self._parts(amount, self.facts.currency):
            if part:  # a charge of nothing moves nothing
                self._made.append(self._line(self._lines, booked_on, part, item))

    def _parts(self, amount: int, currency: str) -> list[tuple[_Item, int]]:
        """Return the transactions of an entry with their amounts, if those add up to it; else the entry itself."""
        if len(self._transactions) < 2:  # noqa: PLR2004 - one transaction is the entry
            return [(self._transactions[0] if self._transactions else _Item(), amount)]
        sign = 1 if amount >= 0 else -1
        parts = [_part(item, currency, sign) for item in self._transactions]
        amounts = [part for part in parts if part is not None]
        if len(amounts) == len(parts) and sum(amounts) == amount:
            return list(zip(self._transactions, amounts, strict=True))
        return [(_Item(), amount)]

    def _line(self, lines: LineMaker, booked_on: date, amount: int, item: _Item) -> ExternalLine:
        return lines.make(
            booked_on,
            amount,
            item.first(*_REFERENCES) or self._entry.first("NtryRef"),
            item.first("RmtInf/Ustrd", "AddtlTxInf") or self._entry.first("AddtlNtryInf"),
            item.first("Refs/AcctSvcrRef") or self._entry.first("AcctSvcrRef"),
        )


def _has_day(item: _Item, path: str) -> bool:
    return item.first(f"{path}/Dt", f"{path}/DtTm") is not None


def _day(item: _Item, path: str, place: str) -> date:
    """Return a date as it is written: banks book by their own calendar."""
    text = item.first(f"{path}/Dt", f"{path}/DtTm")
    try:
        return read_date((text or "")[:10])
    except StatementError as error:
        raise StatementError(error.detail, place=f"{place}/{path}") from None


def _amount(item: _Item, currency: str, place: str) -> int:
    sign = _SIGNS.get(item.first("CdtDbtInd") or "")
    if sign is None:
        raise StatementError("it is neither CRDT nor DBIT", place=f"{place}/CdtDbtInd")
    if item.first("Amt@Ccy") != currency:
        raise StatementError(f"it is not in {currency}, as the opening balance is", place=f"{place}/Amt")
    try:
        return sign * abs(read_amount(item.first("Amt") or "", currency))
    except StatementError as error:
        raise StatementError(error.detail, place=f"{place}/Amt") from None


def _part(item: _Item, currency: str, sign: int) -> int | None:
    """Return a transaction's amount, None where it has none in the statement's currency."""
    path = next((p for p in ("Amt", "AmtDtls/TxAmt/Amt") if item.first(f"{p}@Ccy") == currency), None)
    if path is None:
        return None
    own = _SIGNS.get(item.first("CdtDbtInd") or "", sign)
    return own * abs(read_amount(item.first(path) or "", currency))
