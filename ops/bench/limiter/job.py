"""What one process of the bench is told to do, and what it tells; lines of JSON on its standard input and output."""

from collections import Counter

from pydantic import BaseModel, SecretStr, field_serializer

from gateway.gcra import Charge, Policy

YEARS = 10 * 365 * 86_400
"""A window in which nothing comes back while the bench runs, so that what is admitted is a number and no rate."""
WHO = "bench"


class Job(BaseModel):
    """So many checks, so many at a time, under policies of which each admits `quota` in all processes together."""

    redis_url: SecretStr
    run: str
    checks: int
    concurrency: int
    quota: int

    @field_serializer("redis_url", when_used="json")
    def _told(self, url: SecretStr) -> str:
        return url.get_secret_value()

    def kinds(self) -> list[list[Charge]]:
        """Return the charges of requests of three kinds: under either of two tight policies, and under both.

        All are charged under a third, which refuses nobody. Requests of both kinds would leave a quota that nobody
        can use any more if one policy's refusal did not spare the other.
        """
        address = Charge(Policy(f"{self.run}-address", 10 * max(self.quota, self.checks), YEARS), WHO)
        user = Charge(Policy(f"{self.run}-user", self.quota, YEARS), WHO)
        client = Charge(Policy(f"{self.run}-client", self.quota, YEARS), WHO)
        return [[address, user], [address, client], [address, user, client]]


class Progress(BaseModel):
    """So many more checks were made."""

    done: int


class Told(BaseModel):
    """What one process has seen. `microseconds`: how many checks took so long."""

    admitted: Counter[str]
    microseconds: Counter[int]
    cpu_seconds: float
