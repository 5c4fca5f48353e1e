"""What can go wrong, as exceptions: a problem document (RFC 9457) by its kind, or that no answer came at all."""

from collections.abc import Mapping
from typing import Any, ClassVar

from ledgerlink_client.models.payments import Dispute, PaymentIntent, Refund


class LedgerLinkError(Exception):
    """Everything that this package raises of its own.

    `idempotency_key` is what a money-moving request was sent with: repeated with it, it is carried out at most once.
    """

    def __init__(self, message: str, *, idempotency_key: str | None = None) -> None:
        super().__init__(message)
        self.idempotency_key = idempotency_key


class NoAnswerError(LedgerLinkError):
    """No answer came before the deadline, however often it was asked; the cause is what the last attempt met."""


class UnexpectedAnswerError(LedgerLinkError):
    """Something answered that is not this API, or a version of it that this client does not understand."""


class NotYetError(LedgerLinkError):
    """The request is recorded, and its outcome was not there before the deadline, or nobody wanted to wait for it.

    `id` is what is being made, `location` where it will be, `status` 202.
    """

    status: ClassVar[int] = 202

    def __init__(self, identifier: str, location: str | None, idempotency_key: str | None) -> None:
        super().__init__(f"recorded, its outcome follows at {location}", idempotency_key=idempotency_key)
        self.id, self.location = identifier, location


class SessionEndedError(LedgerLinkError):
    """The session has ended (logged out, revoked, expired), and nothing is known to begin another one with."""


class ProblemError(LedgerLinkError):
    """The answer is a problem: `code` is stable, `detail` says what to change."""

    def __init__(
        self, status: int, problem: Mapping[str, Any], headers: Mapping[str, str], idempotency_key: str | None = None
    ) -> None:
        self.status, self.problem, self.headers = status, problem, headers
        # The token endpoint's errors are those of RFC 6749 §5.2, which has words of its own.
        self.code = str(problem.get("code") or problem.get("error") or "")
        self.detail = str(problem.get("detail") or problem.get("error_description") or "")
        shown = f"{status} {self.code}: {self.detail or 'no problem document came'}"
        super().__init__(shown, idempotency_key=idempotency_key)

    @property
    def parameter(self) -> str | None:
        """What in the request it is about."""
        found = self.problem.get("parameter")
        return str(found) if found is not None else None

    @property
    def errors(self) -> list[Mapping[str, str]]:
        """Every place of the request that is wrong (`location`), and what is wrong there (`detail`)."""
        found = self.problem.get("errors")
        return list(found) if isinstance(found, list) else []

    @property
    def correlation_id(self) -> str:
        """What to quote when asking about it."""
        return str(self.problem.get("correlation_id") or self.headers.get("x-correlation-id", ""))


class InvalidRequestError(ProblemError):
    """The request is not one that can be carried out (400, 413, 415, 422 and other 4xx)."""


class NotAuthenticatedError(ProblemError):
    """Who asks is not known (401)."""


class SecondFactorRequiredError(NotAuthenticatedError):
    """The password is right, and the account has a second factor: log in again with `otp` or `recovery_code`."""


class StepUpRequiredError(NotAuthenticatedError):
    """The request demands that its user authenticated lately, or by two factors (RFC 9470): see `sessions.step_up`."""


class DeclinedError(ProblemError):
    """The operation ended without its effect (402): no money was moved."""

    @property
    def payment_intent(self) -> PaymentIntent | None:
        """The declined payment intent, which can be confirmed again."""
        found = self.problem.get("payment_intent")
        return PaymentIntent.model_validate(found) if found else None

    @property
    def refund(self) -> Refund | None:
        """The refund that failed."""
        found = self.problem.get("refund")
        return Refund.model_validate(found) if found else None

    @property
    def dispute(self) -> Dispute | None:
        """The dispute whose evidence was refused."""
        found = self.problem.get("dispute")
        return Dispute.model_validate(found) if found else None


class NotAllowedError(ProblemError):
    """The credentials do not allow it (403)."""


class NotFoundError(ProblemError):
    """There is no such thing, or it is somebody else's (404)."""


class ConflictError(ProblemError):
    """It does not fit what is there (409), such as a payment that has succeeded already."""


class RateLimitedError(ProblemError):
    """Too many requests (429), and the time to wait was beyond the deadline."""


class ServerError(ProblemError):
    """The trouble is on the server's side (5xx)."""


class OutcomeUnknownError(ServerError):
    """Nobody could say before the deadline what became of the request: repeat it with `idempotency_key`."""


_BY_CODE: Mapping[str, type[ProblemError]] = {
    "outcome_unknown": OutcomeUnknownError,
    "second_factor_required": SecondFactorRequiredError,
    "insufficient_user_authentication": StepUpRequiredError,
}
_BY_STATUS: Mapping[int, type[ProblemError]] = {
    401: NotAuthenticatedError,
    402: DeclinedError,
    403: NotAllowedError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitedError,
}
_FIRST_OF_THE_SERVERS = 500


def problem_error(
    status: int, problem: Mapping[str, Any], headers: Mapping[str, str], idempotency_key: str | None = None
) -> ProblemError:
    """Return the exception of an answer that is not 2xx."""
    general = ServerError if status >= _FIRST_OF_THE_SERVERS else InvalidRequestError
    kind = _BY_CODE.get(str(problem.get("code")), _BY_STATUS.get(status, general))
    return kind(status, problem, headers, idempotency_key)
