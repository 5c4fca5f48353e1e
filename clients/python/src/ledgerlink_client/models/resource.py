"""What all resources have: members that this version does not know are no error, and the answer that they came by."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True)
class Answer:
    """How a resource came: 200 and 201 are committed outcomes; with 202 the outcome follows at `location`.

    `attempts` is how many requests it took.
    """

    status: int
    correlation_id: str
    location: str | None = None
    idempotency_key: str | None = None
    attempts: int = 1


class Resource(BaseModel):
    """A part of the API's answers. Two are equal when they say the same, however they came."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    _answer: Answer | None = PrivateAttr(default=None)

    @property
    def answer(self) -> Answer:
        """The answer that this is the resource of. Raises AttributeError for a part of a page, which has none."""
        if self._answer is None:
            raise AttributeError("this came inside of another resource, not by an answer of its own")
        return self._answer

    def came_by(self, answer: Answer) -> None:
        """Say by which answer it came."""
        self._answer = answer

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        return hash((type(self), str(self.__dict__.get("id"))))


# Not `E | str` as it stands: pydantic would take the text for the better fit, as a text is what comes.
Known = Annotated[E | str, Field(union_mode="left_to_right")]
"""One of the known values, or the text of one that is newer than this client."""
Metadata = dict[str, str]


class Problem(Resource):
    """Why something was refused or failed."""

    code: str
    detail: str
    parameter: str | None = None
    reason_codes: tuple[str, ...] | None = None
    approvable_amount: int | None = None
