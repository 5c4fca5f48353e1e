"""What the wallet service is told by its environment (WALLET_...)."""

from pydantic_settings import SettingsConfigDict

from outbox.settings import ServiceSettings


class WalletSettings(ServiceSettings):
    """Nothing beyond what every service needs."""

    model_config = SettingsConfigDict(env_prefix="WALLET_")
