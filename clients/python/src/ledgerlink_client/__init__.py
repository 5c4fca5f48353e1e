"""A client of the LedgerLink API: typed, patient, and safe to repeat."""

from ledgerlink_client.authentication import (
    AccessToken,
    ApiKey,
    Authentication,
    ClientCredentials,
    KeepTokens,
    Password,
    SavedTokens,
    Tokens,
)
from ledgerlink_client.client import LedgerLink
from ledgerlink_client.errors import (
    ConflictError,
    DeclinedError,
    InvalidRequestError,
    LedgerLinkError,
    NoAnswerError,
    NotAllowedError,
    NotAuthenticatedError,
    NotFoundError,
    NotYetError,
    OutcomeUnknownError,
    ProblemError,
    RateLimitedError,
    SecondFactorRequiredError,
    ServerError,
    SessionEndedError,
    StepUpRequiredError,
    UnexpectedAnswerError,
)
from ledgerlink_client.listing import Listing, Page
from ledgerlink_client.options import Options
from ledgerlink_client.resources.payment_intents import bank, card, wallet
from ledgerlink_client.retrying import Retries

__all__ = [
    "AccessToken",
    "ApiKey",
    "Authentication",
    "ClientCredentials",
    "ConflictError",
    "DeclinedError",
    "InvalidRequestError",
    "KeepTokens",
    "LedgerLink",
    "LedgerLinkError",
    "Listing",
    "NoAnswerError",
    "NotAllowedError",
    "NotAuthenticatedError",
    "NotFoundError",
    "NotYetError",
    "Options",
    "OutcomeUnknownError",
    "Page",
    "Password",
    "ProblemError",
    "RateLimitedError",
    "Retries",
    "SavedTokens",
    "SecondFactorRequiredError",
    "ServerError",
    "SessionEndedError",
    "StepUpRequiredError",
    "Tokens",
    "UnexpectedAnswerError",
    "bank",
    "card",
    "wallet",
]
