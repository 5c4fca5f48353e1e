"""The running parts of one gateway, which its routes use."""

from dataclasses import dataclass
from datetime import timedelta

from gateway.account_statements.printing import Printer
from gateway.accounts import Wallets
from gateway.api_keys import ApiKeys
from gateway.auth import TokenRules, Tokens
from gateway.backlog import Backlog
from gateway.broker import Broker
from gateway.commands import Commands
from gateway.dpop import Proofs
from gateway.open_streams import OpenStreams
from gateway.queries import Queries
from gateway.rate_limit import RateLimit
from gateway.revocations import RevocationRules, RevocationView
from gateway.settings import GatewaySettings
from gateway.signing_keys import SigningKeys
from gateway.used_proofs import UsedProofs


@dataclass(frozen=True)
class Parts:
    """Everything a route may need, made once."""

    settings: GatewaySettings
    broker: Broker
    commands: Commands
    backlog: Backlog
    queries: Queries
    wallets: Wallets
    keys: SigningKeys
    revocations: RevocationView
    proofs: Proofs
    tokens: Tokens
    limit: RateLimit
    printer: Printer
    streams: OpenStreams

    @classmethod
    def of(cls, settings: GatewaySettings) -> "Parts":
        """Make the parts; nothing connects yet."""
        broker = Broker(settings)
        queries = Queries(broker, settings.query_seconds)
        keys = SigningKeys(queries)
        revocations = RevocationView(queries, _revocation_rules(settings))
        api_keys = ApiKeys(queries, settings.api_key_seconds, settings.token_cache)
        proofs = Proofs(UsedProofs(settings.redis_url.get_secret_value()))
        backlog = Backlog(broker, settings.most_backlog)
        lifetime = timedelta(seconds=settings.command_deadline_seconds)
        return cls(
            settings=settings,
            broker=broker,
            commands=Commands(broker, backlog, lifetime, settings.max_in_flight),
            backlog=backlog,
            queries=queries,
            wallets=Wallets(queries, settings.account_cache),
            keys=keys,
            revocations=revocations,
            proofs=proofs,
            tokens=Tokens(_token_rules(settings), keys, revocations, api_keys, proofs),
            limit=RateLimit(settings.redis_url.get_secret_value()),
            printer=Printer(),
            streams=OpenStreams(settings.streams, settings.streams_per_user),
        )


def _revocation_rules(settings: GatewaySettings) -> RevocationRules:
    return RevocationRules(
        settings.revocation_poll_seconds, settings.revocation_staleness_seconds, settings.token_seconds_most
    )


def _token_rules(settings: GatewaySettings) -> TokenRules:
    return TokenRules(settings.token_issuer, settings.token_audience, settings.token_seconds_most, settings.token_cache)
