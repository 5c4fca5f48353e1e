"""The tree of a rule: what it is made of, with the place of each part."""

from dataclasses import dataclass

from apps.risk.domain.features.catalogue import Value


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a text, true or false."""

    offset: int
    value: Value

    @property
    def children(self) -> tuple["Node", ...]:
        """The parts that it is made of, in the order of the source."""
        return ()


@dataclass(frozen=True, slots=True)
class Name:
    """A feature."""

    offset: int
    name: str

    @property
    def children(self) -> tuple["Node", ...]:
        """The parts that it is made of, in the order of the source."""
        return ()


@dataclass(frozen=True, slots=True)
class Unary:
    """`!` or `-` before something."""

    offset: int
    sign: str
    operand: "Node"

    @property
    def children(self) -> tuple["Node", ...]:
        """The parts that it is made of, in the order of the source."""
        return (self.operand,)


@dataclass(frozen=True, slots=True)
class Binary:
    """A comparison or arithmetic."""

    offset: int
    sign: str
    left: "Node"
    right: "Node"

    @property
    def children(self) -> tuple["Node", ...]:
        """The parts that it is made of, in the order of the source."""
        return (self.left, self.right)


@dataclass(frozen=True, slots=True)
class Chain:
    """Two or more parts, all joined by `&&` or all by `||`; both libraries read them as balanced."""

    offset: int
    sign: str
    parts: tuple["Node", ...]

    @property
    def children(self) -> tuple["Node", ...]:
        """The parts that it is made of, in the order of the source."""
        return self.parts


@dataclass(frozen=True, slots=True)
class Choice:
    """`condition ? then : otherwise`."""

    offset: int
    condition: "Node"
    then: "Node"
    otherwise: "Node"

    @property
    def children(self) -> tuple["Node", ...]:
        """The parts that it is made of, in the order of the source."""
        return (self.condition, self.then, self.otherwise)


@dataclass(frozen=True, slots=True)
class Membership:
    """`item in [options]`."""

    offset: int
    item: "Node"
    options: tuple[Literal, ...]

    @property
    def children(self) -> tuple["Node", ...]:
        """The parts that it is made of, in the order of the source."""
        return (self.item, *self.options)


@dataclass(frozen=True, slots=True)
class Call:
    """`double(x)`, or of a text `x.startsWith(y)`; the text is the first argument."""

    offset: int
    function: str
    arguments: tuple["Node", ...]

    @property
    def children(self) -> tuple["Node", ...]:
        """The parts that it is made of, in the order of the source."""
        return self.arguments


Node = Literal | Name | Unary | Binary | Chain | Choice | Membership | Call


def names(node: Node) -> frozenset[str]:
    """Return the features that the rule refers to."""
    if isinstance(node, Name):
        return frozenset({node.name})
    return frozenset(name for child in node.children for name in names(child))
