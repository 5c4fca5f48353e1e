"""The parts of the guides that are made from code: between `<!-- name -->` and `<!-- /name -->`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from apps.payments.domain.transitions import TRANSITIONS, State, Trigger, public_status
from apps.risk.domain.features.catalogue import CATALOGUE
from contracts.identity import GRANTED, MEANINGS, Role, Scope
from contracts.payments import PaymentOperation
from gateway.problems import KINDS
from gateway.tests.openapi_document import operations as operations_of
from gateway.tests.openapi_document import scopes_of
from tests.unconnected_gateway import unconnected_gateway

GUIDES = Path(__file__).parents[1] / "docs" / "guides"
_BEGINNINGS = (State.REQUIRES_PAYMENT_METHOD, State.REQUIRES_CONFIRMATION, State.ASSESSING)
_WISHES = frozenset(Trigger(operation.value) for operation in PaymentOperation)


def part(text: str, name: str) -> str:
    """Return what a guide has between the marks of a name. Raises LookupError."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", text, re.DOTALL)
    if found is None:
        raise LookupError(f"no part {name!r}")
    return found[1]


def with_part(text: str, name: str, content: str) -> str:
    """Return the guide with other content between the marks of a name."""
    return text.replace(f"<!-- {name} -->\n{part(text, name)}", f"<!-- {name} -->\n{content}")


def diagram() -> str:
    """Draw every transition, the triggers between two states on one arrow."""
    arrows: dict[tuple[State, State], list[Trigger]] = {}
    for state, triggers in TRANSITIONS.items():
        for trigger, nexts in triggers.items():
            for after in _in_order(nexts):
                arrows.setdefault((state, after), []).append(trigger)
    lines = [f"[*] --> {state}: create" for state in _BEGINNINGS]
    lines += [f"{before} --> {after}: {', '.join(why)}" for (before, after), why in arrows.items()]
    lines += [f"{state} --> [*]" for state in (State.SUCCEEDED, State.CANCELED)]
    return "```mermaid\nstateDiagram-v2\n" + "".join(f"    {line}\n" for line in lines) + "```\n"


def operations() -> str:
    """Tell where each operation leads from each state."""
    rows = [
        [f"`{state}`", public_status(state), *(_leads(TRANSITIONS[state], Trigger(o.value)) for o in PaymentOperation)]
        for state in State
    ]
    return _table(["state", "`status`", *(f"`{o}`" for o in PaymentOperation)], rows)


def transitions() -> str:
    """Tell where all that no client asks for leads."""
    rows = [
        [f"`{state}`", f"`{trigger}`", _leads(triggers, trigger)]
        for state, triggers in TRANSITIONS.items()
        for trigger in triggers
        if trigger not in _WISHES
    ]
    return _table(["state", "what happens", "leads to"], rows)


def problems() -> str:
    """List every code with its status."""
    rows = [
        [f"`{code}`", str(kind.status), kind.title, "yes" if kind.retry_after else ""] for code, kind in KINDS.items()
    ]
    return _table(["code", "status", "title", "repeating may help"], rows)


def access() -> str:
    """Tell who may ask for what: the roles that have the scopes of an operation, and whether it has to be fresh."""
    document = unconnected_gateway().openapi()
    rows = []
    for name, operation in operations_of(document):
        method, path = name.split(" ", maxsplit=1)
        needed = scopes_of(operation)
        asked = "nobody is asked" if needed is None else ", ".join(f"`{s}`" for s in sorted(needed)) or "any token"
        may = ["yes" if needed is None or needed <= {*GRANTED[role]} else "" for role in Role]
        fresh = "yes" if "insufficient_user_authentication" in str(operation["responses"].get("401")) else ""
        rows.append([f"`{method.upper()} {path}`", asked, *may, fresh])
    return _table(["operation", "scope", *(role.value for role in Role), "step-up"], rows)


def scopes() -> str:
    """List the scopes, what each allows, and the roles that have it."""
    having = {scope: ", ".join(role.value for role in Role if scope in GRANTED[role]) for scope in Scope}
    return _table(["scope", "allows to", "roles"], [[f"`{s.value}`", MEANINGS[s], having[s]] for s in Scope])


def features() -> str:
    """List what rules and models see of a payment."""
    rows = [[f"`{f.name}`", f.type.value, f.unit, f.description] for f in CATALOGUE]
    return _table(["feature", "type", "unit", "meaning"], rows)


def _leads(triggers: Mapping[Trigger, frozenset[State]], trigger: Trigger) -> str:
    return ", ".join(f"`{state}`" for state in _in_order(triggers.get(trigger, ())))


def _in_order(states: Iterable[State]) -> list[State]:
    return sorted(states, key=list(State).index)


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


MADE = {
    "payments.md": {"diagram": diagram, "operations": operations, "transitions": transitions},
    "problems.md": {"problems": problems},
    "rules.md": {"features": features},
    "access.md": {"scopes": scopes, "access": access},
}
"""Guide -> name of a part -> what makes it."""


def write() -> None:
    """Make all parts anew: `python -m tests.guides`."""
    for guide, parts in MADE.items():
        path = GUIDES / guide
        text = path.read_text()
        for name, make in parts.items():
            text = with_part(text, name, make())
        path.write_text(text)


if __name__ == "__main__":
    write()
